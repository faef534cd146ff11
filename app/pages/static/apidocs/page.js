// Swagger UI on this very server's document. It asks no other host: the validator that it would ask is off.
const dark = matchMedia("(prefers-color-scheme: dark)");
const show = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", show);
show();

// "Try it out" shows an answer when it is whole, and this stream has no end.
const ENDLESS = "/api/updates";
const noEndlessTrial = () => ({
  statePlugins: { spec: { wrapSelectors: { allowTryItOutFor: () => (_, path) => path !== ENDLESS } } },
});

SwaggerUIBundle({
  url: "openapi.json",
  domNode: document.getElementById("api"),
  validatorUrl: null,
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelRendering: "example",
  defaultModelsExpandDepth: 0,
  plugins: [noEndlessTrial],
});

// `@modelcontextprotocol/conformance` imports `globSync` of `fs`, which Node has from 22 on, for a command that the tests
// do not use. With `node --import` of this file it starts in Node 20, too.
import { register } from "node:module";

const module = (code) => `data:text/javascript,${encodeURIComponent(code)}`;
const fs = module("export * from 'node:fs'; export const globSync = () => [];");

register(
  module(`export const resolve = (name, context, next) =>
    name === "fs" && context.parentURL?.includes("/conformance/")
      ? { url: ${JSON.stringify(fs)}, shortCircuit: true }
      : next(name, context);`),
);

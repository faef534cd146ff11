"""A new aomi.yaml without a restart. `site` has all processes check the file and then take it; `watcher` is the part of
each process that does. They speak through `app.state.reloads`."""

// Agents of @ag-ui/client and of @copilotkit/core without a page: one JSON command a line, one JSON answer a line.
// CopilotKit's core asks the runtime only where there is a window.
import { createInterface } from 'node:readline'
import { HttpAgent } from '@ag-ui/client'
import { EventSchema } from '@ag-ui/core/schemas'
import { z } from 'zod'

const warned = []
console.warn = console.error = (...parts) => warned.push(parts.map(String).join(' '))
// As in a browser: a connection that breaks off rejects a promise in the package that nobody awaits
process.on('uncaughtException', (error) => { warned.push(String(error)) })

globalThis.window = Object.assign(new EventTarget(), { location: new URL('http://127.0.0.1/') })
const { CopilotKitCore } = await import('@copilotkit/core')

const agents = {}

class Watched {
  constructor(agent) {
    Object.assign(this, { agent, events: [], running: 0, error: null })
    agent.subscribe({ onEvent: ({ event }) => { this.events.push(event) } })
  }

  watch(promise) {
    this.running += 1
    void promise.then((done) => { this.result = done?.result }, (error) => { this.error = String(error.message) })
      .finally(() => { this.running -= 1 })
  }
}

const commands = {
  agui(name, { messages = [], state = {}, ...options }) {
    agents[name] = new Watched(new HttpAgent({ initialMessages: messages, initialState: state, ...options }))
  },
  async copilotkit(name, { agent, threadId, ...options }) {
    const core = new CopilotKitCore(options)
    const failures = []
    core.subscribe({ onError: ({ error, code }) => { failures.push(`${code}: ${error.message}`) } })
    await new Promise((done) => { core.subscribe({ onAgentsChanged: () => done() }) })
    const found = core.getAgent(agent)
    found.threadId = threadId
    agents[name] = Object.assign(new Watched(found), { core, failures })
    return { status: core.runtimeConnectionStatus, transport: core.runtimeTransport, agents: Object.keys(core.agents) }
  },
  send(name, id, content, parameters = {}) {
    const { agent, core } = agents[name]
    agent.addMessage({ id, role: 'user', content })
    agents[name].watch(core ? core.runAgent({ agent }) : agent.runAgent(parameters))
  },
  run(name, messages, parameters = {}) {
    const { agent, core } = agents[name]
    if (messages) agent.setMessages(messages)
    agents[name].watch(core ? core.runAgent({ agent }) : agent.runAgent(parameters))
  },
  connect(name) {
    const { agent, core } = agents[name]
    agents[name].watch(core.connectAgent({ agent }))
  },
  // A tool of the page that answers with its arguments
  tool(name, tool) {
    const { core } = agents[name]
    core.addTool({ name: tool, description: 'Shows a place', parameters: z.object({ place: z.string() }),
      handler: async ({ place }) => ({ shown: place }) })
  },
  stop(name) {
    const { agent, core } = agents[name]
    if (core) core.stopAgent({ agent })
    else agent.abortRun()
  },
  state(name) {
    const { agent, events, running, error, failures, result } = agents[name]
    const { messages, state, pendingInterrupts, isRunning, capabilities } = agent
    return { messages, state, pendingInterrupts, isRunning, capabilities, events, running, error, failures, result }
  },
  // What the packages complained about since it was asked last
  complaints() { return warned.splice(0) },
  // The faults that the published schemas find in events
  faults(events) { return events.flatMap((event) => EventSchema.safeParse(event).error?.issues ?? []) },
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...args] = JSON.parse(line)
  process.stdout.write(JSON.stringify((await commands[command](...args)) ?? null) + '\n')
}

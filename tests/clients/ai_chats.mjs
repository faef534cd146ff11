// Chats of the AI SDK without a page: one JSON command a line, one JSON answer a line. Argument: the package of `ai`.
// useChat of @ai-sdk/react is a shell around the same class, which keeps its state in React.
import { createInterface } from 'node:readline'

const { AbstractChat, DefaultChatTransport, ...ai } = await import(process.argv[2])

class Chat extends AbstractChat {
  constructor({ api, headers, code, id, messages = [], automatic }) {
    const state = {
      status: 'ready',
      error: undefined,
      messages,
      pushMessage(message) { this.messages = this.messages.concat(message) },
      popMessage() { this.messages = this.messages.slice(0, -1) },
      replaceMessage(at, message) { this.messages = this.messages.with(at, structuredClone(message)) },
      snapshot: (value) => structuredClone(value),
    }
    const transport = code
      ? new Function('DefaultChatTransport', `${code}; return transport`)(DefaultChatTransport)
      : new DefaultChatTransport({ api, headers })
    super({
      id, transport, state,
      onFinish: (finish) => { this.finished = finish },
      sendAutomaticallyWhen: automatic && ai[automatic],
    })
  }
}

const chats = {}

const commands = {
  open(name, options) { chats[name] = new Chat(options) },
  // Whether it is done is seen in the state: a stream may be open for long
  start(name, method, ...args) { void chats[name][method](...args) },
  state(name) {
    const { status, error, messages, finished } = chats[name]
    const { finishReason, isAbort, isDisconnect, isError } = finished ?? {}
    return { status, error: error?.message ?? null, messages, finished: { finishReason, isAbort, isDisconnect, isError } }
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...args] = JSON.parse(line)
  process.stdout.write(JSON.stringify(commands[command](...args) ?? null) + '\n')
}

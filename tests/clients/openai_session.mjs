// A session of OpenAI's package. Arguments: the package, two addresses of the backend, an API key, a message that makes 200
// calls of tools, one whose turn fails, the address of a web process to kill and its group. Throws what is wrong.
import assert from 'node:assert/strict'

const [, , name, url, otherUrl, apiKey, manyCalls, failing, dyingUrl, group] = process.argv
const { default: OpenAI } = await import(name)
const at = (address) => new OpenAI({ baseURL: `${address}/v1`, apiKey, maxRetries: 0 })
const client = at(url)
const other = at(otherUrl)
const question = 'What is the current price of ETH?'
const answer = 'The current price of ETH is $3,500.00.'

const streamed = client.responses.stream({ model: 'default', input: question })
const numbers = []
for await (const event of streamed) numbers.push(event.sequence_number)
const response = await streamed.finalResponse()
assert.equal(response.output_text, answer)
assert.deepEqual(numbers, numbers.map((_, index) => index))
assert.equal((await other.responses.retrieve(response.id)).output_text, answer)

const rest = await other.responses.retrieve(response.id, { stream: true, starting_after: numbers.length - 3 })
assert.equal((await collected(rest)).length, 2)

const long = await client.responses.create({ model: 'default', input: 'count to 5000', background: true })
const cancelled = await other.responses.cancel(long.id)
assert.equal(cancelled.status, 'cancelled')
const events = await collected(await client.responses.retrieve(long.id, { stream: true }))
assert.equal(events.at(-1).type, 'response.incomplete')

const many = await client.responses.create({ model: 'scripted', input: manyCalls })
assert.equal(many.output.filter((item) => item.type === 'mcp_call' && item.output).length, 200)

const broken = await at(dyingUrl).responses.create({ model: 'default', input: 'count to 40', stream: true })
const seen = []
let second
await assert.rejects(async () => {
  for await (const event of broken) {
    seen.push(event)
    second ??= collected(other.responses.retrieve(event.response.id, { stream: true }))
    if (event.type === 'response.output_text.delta' && event.delta.trim() === '3') process.kill(-group, 'SIGKILL')
  }
})
const { sequence_number: last } = seen.at(-1)
const behind = await collected(await other.responses.retrieve(seen[0].response.id, { stream: true, starting_after: last }))
assert.equal(behind[0].sequence_number, last + 1)
assert.equal(behind.at(-1).type, 'response.completed')
assert.deepEqual(await second, [...seen, ...behind])
const whole = await other.responses.retrieve(seen[0].response.id)
assert.equal(whole.output_text, Array.from({ length: 40 }, (_, index) => index + 1).join(' '))

const failed = await collected(client.responses.create({ model: 'scripted', input: failing, stream: true }))
assert.equal(failed.at(-1).type, 'response.failed')
assert(failed.at(-1).response.error.message)
const asked = { model: 'scripted', messages: [{ role: 'user', content: failing }] }
await assert.rejects(client.chat.completions.create(asked), (error) => error instanceof OpenAI.APIError && error.status === 502)
await assert.rejects(client.chat.completions.stream(asked).finalContent(), OpenAI.APIError)

const chunks = client.chat.completions.stream({ model: 'default', messages: [{ role: 'user', content: question }] })
assert.equal(await chunks.finalContent(), answer)

await assert.rejects(client.responses.retrieve('resp_none'), OpenAI.NotFoundError)
await assert.rejects(client.responses.create({ model: 'default', input: 'x', temperature: 0.1 }), (error) => {
  assert(error instanceof OpenAI.BadRequestError)
  assert.equal(error.param, 'temperature')
  return true
})
await assert.rejects(new OpenAI({ baseURL: `${url}/v1`, apiKey: 'wrong', maxRetries: 0 }).models.list(), OpenAI.AuthenticationError)
assert((await collected(client.models.list())).some((model) => model.id === 'scripted'))

async function collected(iterable) {
  const all = []
  for await (const one of await iterable) all.push(one)
  return all
}

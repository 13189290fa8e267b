// sms77-client, the library of the recorded eras.
import { createRequire } from 'node:module'
import { suite, tell } from './check.mjs'

const loaded = createRequire(import.meta.url)('sms77-client')
const Sms77Client = loaded.Sms77Client ?? loaded.default ?? loaded
const url = process.argv[2]
Object.getPrototypeOf(Sms77Client).BASE_URL = `${url}/api`
const live = new Sms77Client('sim-live-key', 'vendor')
const sandbox = new Sms77Client('sim-sandbox-key')
const { check, end } = suite('sms77-client')

await tell(url, 'reset', {})
const to = '+49179999999999'

await check('balance is a number', async (t) => {
  t.equal(await live.balance(), 123.875)
})

await check('plain sms', async (t) => {
  t.equal(await live.sms({ to, text: 'plain' }), 100)
  t.match(await live.sms({ to, text: 'id', return_msg_id: true }), /^100\n\d{11}$/)
  t.equal(await sandbox.sms({ to, text: 'id', return_msg_id: true }), '100\n1234567890')
})

await check('details have ten or eleven lines in German', async (t) => {
  const ten = (await sandbox.sms({ to, text: 'Hallo', details: true, from: 'Me' })).split('\n')
  t.deepEqual(ten.map((line) => line.split(': ')[0]),
    ['100', 'Verbucht', 'Preis', 'Guthaben', 'Text', 'SMS-Typ', 'Flash SMS', 'Encoding', 'GSM0338', 'Debug'])
  t.equal(ten[1], 'Verbucht: 0')
  t.equal(ten[2], 'Preis: 0.075')
  t.equal(ten[9], 'Debug: true')
  const eleven = (await live.sms({ to, text: 'Hallo', details: true, return_msg_id: true, flash: true })).split('\n')
  t.equal(eleven.length, 11)
  t.equal(eleven[7], 'Flash SMS: true')
})

await check('json sms', async (t) => {
  const got = await live.sms({
    to: `${to},0171 1111111`, text: 'Größe', json: true, from: 'Me', label: 'l', foreign_id: 'f', no_reload: true,
    unicode: true, utf8: true, ttl: 320000, performance_tracking: true, udh: 'udh',
  })
  t.equal(got.success, '100')
  t.equal(got.sms_type, 'direct')
  t.equal(got.messages.length, 2)
  t.equal(got.messages[0].recipient, '49179999999999')
  t.equal(got.messages[0].sender, 'Me')
  t.equal(got.messages[0].text, 'Größe')
  t.equal(got.messages[0].encoding, 'ucs2')
  t.equal(got.messages[0].parts, 1)
  t.equal(got.messages[0].error, null)
})

await check('files', async (t) => {
  const got = await live.sms({ to, text: '[[a.txt]]', json: true, files: [{ name: 'a.txt', contents: btoa('x'), validity: 1 }] })
  t.match(got.messages[0].text, /^https:\/\/ul\.gl\//)
})

await check('delay by date and deletion', async (t) => {
  const got = await live.sms({ to, text: 'later', json: true, delay: '2099-12-31 23:59' })
  const id = got.messages[0].id
  t.deepEqual(await live.deleteSMS({ ids: [id] }), { success: true, deleted: [id] })
  t.deepEqual(await live.deleteSMS({ ids: ['1'] }), { success: false, deleted: null })
  t.deepEqual(await live.deleteSMS({ ids: [] }), { success: false, deleted: [] })
})

await check('codes are errors of the library', async (t) => {
  await t.rejects(live.sms({ to: '', text: 'x' }), /301/)
  await t.rejects(live.sms({ to, text: '' }), /305/)
  await t.rejects(live.sms({ to, text: 'x'.repeat(1521) }), /401/)
  await t.rejects(live.sms({ to, text: 'plain' }), /402/)
  await t.rejects(new Sms77Client('wrong').sms({ to, text: 'x' }), /900/)
  await tell(url, 'config', { account: { allow: '192.0.2.1' } })
  await t.rejects(live.sms({ to, text: 'x' }), /903/)
  await tell(url, 'config', { account: { allow: '' }, 'key sim-live-key': { rights: 'balance' } })
  await t.rejects(live.sms({ to, text: 'x' }), /902/)
  await tell(url, 'config', { 'key sim-live-key': { rights: 'all' } })
  await tell(url, 'fault', { kind: 'code', code: 600 })
  await t.rejects(live.sms({ to, text: 'x' }), /600/)
})

await check('voice', async (t) => {
  t.match(await live.voice({ to, text: 'Hallo' }), /^100\n\d+\n0\.1$/)
  t.equal(await sandbox.voice({ to, text: 'Hallo' }), '100\n123456789\n0')
  const got = await live.voice({ to, text: 'Hallo', json: true, xml: false })
  t.equal(got.debug, false)
  t.equal(typeof got.messages[0].id, 'string')
})

await check('status', async (t) => {
  const id = (await live.sms({ to, text: 'status', return_msg_id: true })).split('\n')[1]
  t.match(await live.status({ msg_id: id }), /^DELIVERED\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/)
  t.equal((await live.status({ msg_id: id, _json: true })).report, 'DELIVERED')
  await t.rejects(live.status({ msg_id: '1' }), /901/)
})

await check('hooks', async (t) => {
  const subscribed = await live.hooks({ action: 'subscribe', event_type: 'all', target_url: 'http://127.0.0.1:9/x', request_method: 'JSON' })
  t.equal(typeof subscribed.id, 'number')
  const listed = await live.hooks({ action: 'read' })
  t.equal(listed.hooks[0].id, String(subscribed.id))
  t.equal(listed.hooks[0].enabled, true)
  t.deepEqual(await live.hooks({ action: 'unsubscribe', id: subscribed.id }), { success: true })
  t.equal((await live.hooks({ action: 'subscribe', event_type: 'all', target_url: 'abc://x' })).success, false)
})

await check('journals', async (t) => {
  t.ok((await live.journal({ type: 'outbound' })).length > 5)
  t.equal((await live.journal({ type: 'outbound', limit: 2 })).length, 2)
  t.equal((await live.journal({ type: 'voice' })).length, 2)
  t.deepEqual(await live.journal({ type: 'inbound' }), [])
  t.deepEqual(await live.journal({ type: 'replies' }), [])
})

await check('contacts', async (t) => {
  t.deepEqual(await live.contacts({ action: 'read', json: true }), [{ ID: '1', Name: 'Anna', Number: '0171 1111111' }])
  const id = await live.contacts({ action: 'write', nick: 'Vera', empfaenger: '0173333333', json: true })
  t.equal(typeof id, 'number')
  t.equal(await live.contacts({ action: 'del', id, json: true }), id)
})

await check('lookups, pricing, analytics, validation', async (t) => {
  t.equal((await live.lookup({ type: 'format', number: to })).country_iso, 'DE')
  t.equal((await live.lookup({ type: 'hlr', number: to })).status, true)
  t.equal(await live.lookup({ type: 'mnp', number: to }), 'd1')
  t.equal((await live.lookup({ type: 'mnp', number: to, json: true })).code, 100)
  t.equal((await live.lookup({ type: 'cnam', number: to })).code, '100')
  t.equal((await live.pricing()).countCountries > 1, true)
  t.match(await live.pricing({ format: 'csv', country: 'de' }), /"Germany"/)
  t.equal((await live.analytics({ group_by: 'country' }))[0].country, 'DE')
  t.equal((await live.validateForVoice({ number: '0171999999' })).success, true)
})

end()

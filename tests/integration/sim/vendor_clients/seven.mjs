// @seven.io/client, the library of the REST generation.
import {
  AnalyticsResource, BalanceResource, Client, ContactsResource, GroupsResource, HooksResource, JournalResource,
  LookupResource, PricingResource, SmsResource, StatusResource, ValidateResource, VoiceResource, WebhookVerifier,
} from '@seven.io/client'
import { createServer } from 'node:http'
import { suite, tell } from './check.mjs'

const url = process.argv[2]
Client.BASE_URL = `${url}/api`
const live = new Client({ apiKey: 'sim-live-key', sentWith: 'vendor' })
const sandbox = new Client({ apiKey: 'sim-sandbox-key' })
const { check, end } = suite('@seven.io/client')

await tell(url, 'reset', {})
await tell(url, 'config', { gateway: { era: 2024 } })

await check('balance is an object', async (t) => {
  t.deepEqual(await new BalanceResource(live).get(), { amount: 123.875, currency: 'EUR' })
})

await check('sms to two recipients', async (t) => {
  const got = await new SmsResource(live).dispatch({
    to: ['+49179999999999', 'Anna'], text: 'Hällo / "you" 😀', from: 'Vendor', label: 'l-1', foreign_id: 'f-1', ttl: 128000,
  })
  t.equal(got.success, '100')
  t.equal(got.total_price, 0.15)
  t.equal(got.balance, 123.725)
  t.equal(got.debug, 'false')
  t.equal(got.messages.length, 2)
  t.equal(got.messages[0].recipient, '49179999999999')
  t.equal(got.messages[1].recipient, '491711111111')
  t.equal(got.messages[0].text, 'Hällo / "you" 😀')
  t.equal(got.messages[0].encoding, 'ucs2')
  t.equal(got.messages[0].label, 'l-1')
  t.equal(got.messages[0].success, true)
  t.match(got.messages[0].id, /^\d{11}$/)
  t.equal(BigInt(got.messages[1].id), BigInt(got.messages[0].id) + 1n)
})

await check('sms with files, flash, udh, tracking', async (t) => {
  const got = await new SmsResource(live).dispatch({
    to: ['49179999999999'], text: 'see [[a.txt]]\n[[b.txt]]', flash: true, udh: 'myudh', performance_tracking: true,
    files: [{ name: 'a.txt', contents: btoa('a') }, { name: 'b.txt', contents: btoa('b'), validity: 1, password: 'p' }],
  })
  t.match(got.messages[0].text, /^see https:\/\/ul\.gl\/\w+\nhttps:\/\/ul\.gl\/\w+$/)
  t.equal(got.messages[0].udh, 'myudh')
})

await check('delayed sms and its deletion', async (t) => {
  const sms = new SmsResource(live)
  const got = await sms.dispatch({ to: ['49179999999999'], text: 'later', delay: new Date(Date.now() + 86400000) })
  const id = got.messages[0].id
  t.deepEqual(await sms.delete({ ids: [id] }), { success: true, deleted: [id] })
  t.deepEqual(await sms.delete({ ids: [id] }), { success: false, deleted: null })
  t.deepEqual(await sms.delete({ ids: [] }), { success: false, deleted: [] })
})

await check('the sandbox charges nothing', async (t) => {
  const got = await new SmsResource(sandbox).dispatch({ to: ['49179999999999'], text: 'sandbox' })
  t.equal(got.debug, 'true')
  t.equal(got.total_price, 0)
  t.equal(got.messages[0].id, null)
  t.equal(got.messages[0].price, 0)
})

await check('the reload lock is told per message', async (t) => {
  const got = await new SmsResource(live).dispatch({ to: ['49179999999999', '491701111111'], text: 'later' })
  t.equal(got.success, '101')
  t.equal(got.messages[0].error, 402)
  t.equal(got.messages[0].success, false)
  t.equal(got.messages[1].success, true)
})

await check('a refused request is an error of the library', async (t) => {
  await t.rejects(new SmsResource(live).dispatch({ to: ['49179999999999'], text: '' }), /305/)
  await t.rejects(new SmsResource(live).dispatch({ to: ['49179999999999'], text: 'x', from: '123456789012345678' }), /201/)
  await t.rejects(new SmsResource(new Client({ apiKey: 'wrong' })).dispatch({ to: ['1'], text: 'x' }), /900/)
  await t.rejects(new BalanceResource(new Client({ apiKey: 'wrong' })).get(), /900/)
})

await check('a bearer token', async (t) => {
  t.equal(typeof (await new BalanceResource(new Client({ apiKey: 'Bearer sim-bearer-token' })).get()).amount, 'number')
})

await check('signed requests', async (t) => {
  const signed = new Client({ apiKey: 'sim-live-key', signingSecret: 'vendor-signing-key' })
  const wrong = new Client({ apiKey: 'sim-live-key', signingSecret: 'wrong' })
  t.equal((await new SmsResource(signed).dispatch({ to: ['49179999999999'], text: 'signed ä' })).success, '100')
  t.ok(Array.isArray(await new JournalResource(signed).outbound({ limit: 1 })))
  t.equal((await new ContactsResource(signed).list({ limit: 5 })).data.length, 1)
  await t.rejects(new SmsResource(wrong).dispatch({ to: ['49179999999999'], text: 'forged' }), /901/)
  await t.rejects(new BalanceResource(wrong).get(), /901/)
})

await check('status', async (t) => {
  const [message] = await new JournalResource(live).outbound({ to: '49179999999999', limit: 1 })
  const [got] = await new StatusResource(live).get([message.id])
  t.equal(got.id, message.id)
  t.equal(got.status, 'DELIVERED')
  t.match(got.status_time, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/)
  t.deepEqual(await new StatusResource(live).get([]), [])
  t.equal((await new StatusResource(live).get([1, 2])).length, 2)
})

await check('voice', async (t) => {
  const got = await new VoiceResource(live).dispatch({ to: ['491771111111', '491772222222'], text: 'Hallo', ringtime: 30 })
  t.equal(got.success, '100')
  t.equal(got.debug, false)
  t.equal(got.total_price, 0.2)
  t.equal(got.messages.length, 2)
  t.equal(typeof got.messages[0].id, 'number')
  t.equal(got.messages[0].sender, '491771783130')
  const debug = await new VoiceResource(sandbox).dispatch({ to: '491771111111', text: 'Hallo' })
  t.equal(debug.debug, true)
  t.equal(debug.messages[0].id, 123456789)
})

await check('journals', async (t) => {
  const journal = new JournalResource(live)
  const [message] = await journal.outbound({ limit: 1 })
  t.equal(typeof message.id, 'string')
  t.match(message.price, /^\d+\.\d{4}$/)
  t.equal(message.type, 'direct')
  const [call] = await journal.voice()
  t.equal(typeof call.duration, 'string')
  t.equal(call.xml, false)
  t.deepEqual(await journal.inbound(), [])
  const byForeignId = (await journal.outbound()).filter((entry) => entry.foreign_id === 'f-1')
  t.equal(byForeignId.length, 2)
  t.equal(byForeignId[0].connection, 'vendor')
})

await check('hooks and a verified webhook', async (t) => {
  const hooks = new HooksResource(live)
  const received = new Promise((resolve) => {
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (piece) => { body += piece })
      request.on('end', () => {
        response.end()
        server.close()
        resolve({ method: request.method, headers: request.headers, body, path: request.url, port: server.port })
      })
    })
    server.listen(0, '127.0.0.1', async () => {
      server.port = server.address().port
      const subscribed = await hooks.subscribe({
        eventType: 'dlr', requestMethod: 'JSON', targetUrl: `http://127.0.0.1:${server.port}/dlr?x=1`,
      })
      t.equal(typeof subscribed.id, 'number')
      await new SmsResource(live).dispatch({ to: ['49179999999999'], text: 'hook', foreign_id: 'hooked' })
    })
  })
  const got = await received
  const payload = JSON.parse(got.body)
  t.equal(payload.webhook_event, 'dlr')
  t.equal(payload.data.status, 'DELIVERED')
  t.equal(payload.data.foreign_id, 'hooked')
  const verified = await new WebhookVerifier({ signingSecret: 'vendor-signing-key' }).verify({
    method: got.method, headers: got.headers, body: got.body, url: `http://127.0.0.1:${got.port}${got.path}`,
  })
  t.equal(verified.valid, true, verified.error)

  const listed = await hooks.read()
  t.equal(listed.success, true)
  t.equal(typeof listed.hooks[0].id, 'string')
  t.ok(listed.hooks[0].created instanceof Date && !Number.isNaN(listed.hooks[0].created.getTime()))
  const bad = await hooks.subscribe({ eventType: 'all', targetUrl: 'abc://x' })
  t.equal(bad.success, false)
  t.equal('id' in bad, false)
  t.deepEqual(await hooks.unsubscribe(Number(listed.hooks[0].id)), { success: true })
  t.deepEqual(await hooks.unsubscribe(1), { success: false })
})

await check('contacts', async (t) => {
  const contacts = new ContactsResource(live)
  const created = await contacts.create({
    avatar: '', groups: [], properties: { firstname: 'Vera', lastname: null, mobile_number: '491733333333', email: null },
  })
  t.equal(created.properties.mobile_number, '491733333333')
  t.equal((await contacts.get(created.id)).properties.firstname, 'Vera')
  t.equal((await contacts.list()).pagingMetadata.total, 2)
  t.deepEqual(await contacts.delete(created.id), { success: true })
})

await check('groups', async (t) => {
  const groups = new GroupsResource(live)
  const created = await groups.create({ name: 'New' })
  t.equal((await groups.edit(created.id, { name: 'Renamed' })).name, 'Renamed')
  t.equal((await groups.one(created.id)).members_count, 0)
  t.deepEqual(await groups.delete(created.id), { success: true })
  t.ok(Array.isArray(await groups.all()))
})

await check('lookups', async (t) => {
  const lookup = new LookupResource(live)
  t.equal((await lookup.format({ numbers: ['0171999999'] }))[0].international, '+49171999999')
  t.equal((await lookup.hlr({ numbers: ['0171999999'] }))[0].status, true)
  t.equal((await lookup.mnp({ numbers: ['0171999999', '0172999999'] }))[1].mnp.country, 'DE')
  t.equal((await lookup.cnam({ numbers: ['0171999999'] }))[0].success, 'true')
})

await check('pricing, analytics, validation', async (t) => {
  const pricing = await new PricingResource(live).get({ country: 'de' })
  t.equal(pricing.countCountries, 1)
  t.equal(pricing.countries[0].networks.length, pricing.countNetworks)
  for (const rows of [
    await new AnalyticsResource(live).byCountry(), await new AnalyticsResource(live).byDate({ start: new Date(), end: new Date() }),
    await new AnalyticsResource(live).byLabel(), await new AnalyticsResource(live).bySubaccount(),
  ]) t.equal(typeof rows[0].usage_eur, 'number')
  const validation = await new ValidateResource(live).start({ number: '0171999999' })
  t.equal(validation.success, true)
  t.match(validation.code, /^\d{6}$/)
  t.equal((await new ValidateResource(live).start({ number: 'x' })).success, false)
})

end()

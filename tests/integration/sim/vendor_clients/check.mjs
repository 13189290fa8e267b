// Named checks with a count at the end; a thrown error fails its check only.
import assert from 'node:assert/strict'

export function suite(library) {
  const results = { passed: 0, failed: 0 }
  return {
    async check(name, body) {
      try {
        await body(assert)
        results.passed++
      } catch (error) {
        results.failed++
        console.log(`${library}: FAILED ${name}: ${error.message}`)
      }
    },
    end() {
      console.log(`${library}: ${results.passed} checks passed, ${results.failed} failed`)
      process.exitCode = results.failed > 0 || results.passed === 0 ? 1 : 0
    },
  }
}

export async function tell(url, what, json) {
  const response = await fetch(`${url}/_sim/${what}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(json),
  })
  if (!response.ok) throw new Error(`${what}: ${await response.text()}`)
}

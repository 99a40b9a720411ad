// Package zendesk is a client for the parts of the Zendesk Support API that a phone system needs: voice tickets
// and screen pops (Talk Partner Edition), tickets, their audits and tags, and users.
//
// It is a plain API client and useful on its own. It knows nothing of phone calls, it never repeats a write on its
// own account (the one exception is named at [Client]), it keeps no queue, it does not wait for rate limits, and it
// writes no log: each error says what is known, each [Exchange] can be observed, and what to do next is the
// caller's decision. [Uncertain] answers the question that matters after a failed write: may it have been carried
// out all the same?
//
// Start with [New] and the example of [Client.CreateVoiceTicket].
//
// The statements about Zendesk's behaviour come from https://developer.zendesk.com/api-reference/ and from Zendesk's
// published OpenAPI description of the Support API; the method comments link the page of each endpoint.
package zendesk

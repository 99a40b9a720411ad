// Package zendesktest is an in-memory simulator of the part of Zendesk Support that a telephony integration
// uses: voice tickets, screen pops and call records (Talk Partner Edition), the X channel, the Any Channel API with its
// channelbacks, tickets, audits, comments, tags, users, search, and the ways to authenticate. It is an http.Handler of
// its own and knows nothing of any client, so that it serves the tests of any program in any language, and a
// demonstration without an account.
//
// What makes it worth more than a fake that says yes:
//
//   - Search lags behind the data, as Zendesk's does, by a delay on a clock that tests can advance; listing by
//     external_id does not lag.
//   - Rate limits are those of a plan: per account, per minute; updates per account, and per user and ticket.
//   - Faults are switched on per method and path: refusals, answers lost after the change was made, and changes
//     that are committed seconds after the client has gone.
//   - Everything received and everything stored can be looked at, and every request can be checked against
//     Zendesk's published OpenAPI description.
//   - It shows each agent's browser as a page under /agent/, where a screen pop opens as it arrives, and the whole
//     account under /.
//
// What it does not do: triggers, automations, organisations, groups, brands, attachments, incremental exports, and
// access rules finer than end user, agent, admin. It stores nothing on disk. Its pages ask for no password: listen on
// loopback.
//
// Where Zendesk documents no answer the simulator takes the one that is harder on the client; the comments say
// where. Where several answers are likely and a client may come to grief with one, an option has each: [WithVoiceRefusal],
// [WithoutVoiceExternalID], [WithListDelay], [WithLateDisplayCheck], [WithClosedRefusal], [WithCallRefusal],
// [WithSuspendedRequesters], [WithRefreshAfterRevoke], and [WithIndexDelay] for how long search lags. The example of [Server] is the one to read first.
package zendesktest

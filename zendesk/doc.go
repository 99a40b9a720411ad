// Package zendesk is a client for the parts of Zendesk that a phone system or a messaging service needs:
//
//   - Talk Partner Edition: voice tickets and screen pops ([Client.CreateVoiceTicket], [Client.DisplayTicket],
//     [Client.DisplayUser]) and call records ([Client.CreateCall] and its siblings).
//   - The X channel: [Client.ListXHandles], [Client.GetXHandle], [Client.CreateTicketFromPost], [Client.XStatuses].
//   - The Any Channel API: [Client.Push], [Client.ValidateToken], [Client.ReportChannelbackError].
//   - What stands around them: tickets with their tags, comments and audits, users with their identities, search by
//     number and email, uploads, the status of agents, notifications to apps, OAuth tokens, and
//     the flow in which a user gives leave ([OAuthRefresh.AskLeave]).
//
// It covers all operations of Zendesk's Channels API and Any Channel API; a test compares it with their documents. It
// needs nothing but the standard library.
//
// # How it behaves
//
// It is a plain API client and useful on its own. It knows nothing of phone calls, it never repeats a write on its own
// account (the one exception is named at [Client]), it keeps no queue, it does not wait for rate limits, and it writes
// no log: each error says what is known, each [Exchange] can be observed ([WithObserver]), and what to do next is the
// caller's decision.
//
// Requests are plain structs that survive JSON: one that is stored and read again is sent as the same bytes. Zero values
// are not sent; where zero means something the field is a pointer (new(false)). Lists that can be long are sequences
// that fetch page after page. Words that Zendesk may add to, such as [PushCode] or [CompletionStatus], are strings with
// constants for the known ones: an unknown one is no error.
//
// # Errors
//
// Every method returns one of these, wrapped in nothing else, for [errors.AsType]:
//
//   - [*InputError]: nothing was sent, because Zendesk would refuse it. Limits are those of Zendesk's documents, and
//     where these disagree the smaller. It names the field, the limit and the length, and not the value.
//   - [*Error]: Zendesk refused. Its methods say why, such as [Error.IsClosed] and [Error.IsRateLimited].
//   - [*TransportError]: there was no answer. It says whether anything had left.
//   - [*FormatError]: the answer is not the API's: a web page of a proxy, mostly. It keeps the beginning.
//   - [*AnonymousError]: from [Client.Me] alone.
//   - [*RefusedError]: from [OAuthRefresh.TakeLeave] alone.
//
// [Uncertain] answers the question that matters after a failed write: may it have been carried out all the same? No
// error, and no way of printing anything of this package, shows a secret that the client was given.
//
// # Where to begin
//
// With [New], [OAuthClientCredentials] and the example below. The package zendesktest beside it simulates Zendesk; all
// examples run against it, and so can the tests of your program.
//
// The statements about Zendesk's behaviour come from https://developer.zendesk.com/api-reference/, from Zendesk's
// published OpenAPI description of the Support API and its JSON schemas of the Channel Framework, and from recorded
// traffic; the method comments link the page of each endpoint.
package zendesk

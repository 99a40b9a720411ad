// Package telephony is the domain of talkbridge: what a phone system reported
// (Event), the conversation that those reports add up to (Call, with its
// Legs), how one is folded into the other, telephone numbers, and the contract
// that every driver of a phone system keeps (Source).
//
// It does no network, keeps nothing on disk, reads no clock while it folds,
// and knows neither Zendesk nor any particular phone system: drivers live
// in packages below this one and translate into its words.
//
// The fold is the heart. It is idempotent and does not care about order: any
// permutation of the same events, with any duplicates, gives the same call.
// See Call.
package telephony

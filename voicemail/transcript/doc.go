// Package transcript has recorded speech put into words by somebody else: a
// service that speaks OpenAI's audio API, or a command of this machine. It is a
// hook: which of them, and how good its words are, is the site's matter.
//
// What comes back is from outside: it is bounded, and Clean takes out of it what
// is no text. The package does not know calls or tickets, keeps nothing, and
// tries nothing twice: its errors say what another try is worth.
package transcript

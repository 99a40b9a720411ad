// Package voicemail collects the audio of calls, keeps it, and serves it on
// signed links.
//
// A Spool reads the voicemail folder of a phone system, whose file names are
// wire data and trusted in nothing. A Store keeps copies under unguessable
// names. A Keyring signs links to them, and a Handler serves those links on
// the public listener. A Collector joins the first two: it waits until a
// message is final and keeps it, once for each call.
//
// It does not speak to a phone system or to Zendesk, does not convert or
// transcribe audio, and never opens a file by a name that a client gave.
package voicemail

// Package asterisktest is a scriptable Asterisk Manager Interface (AMI) server
// and a small library of traffic captured from a real Asterisk 22.10.1.
//
// It exists so that a program that reads AMI can be tested, demonstrated and
// killed without a PBX:
//
//   - a [Server] speaks the protocol on loopback, in the clear and over TLS,
//     keeps the live channels that its traffic implies, answers Status from
//     them, and records which calls any client could know of;
//   - a [Player] re-issues captured calls, or a [Mix] of them, as if they
//     happened now: new identities and times, chosen parties, held in a phase
//     for as long as a test needs, with voicemail and recordings on disk;
//   - a [Script] writes a call by hand, a step at a time;
//   - [Captures] and its kin give the exact bytes for parsers.
//
// As with a PBX, what happens while nobody is connected is told to nobody: only
// Status shows what is left of it. Clients may be killed while calls go on, and
// the PBX may be paused, crashed, shut down and restarted under its clients.
//
// What it does NOT do: it handles no SIP and no audio, runs no dialplan, does
// nothing to calls on request of a client (there is no Originate, no Redirect,
// no Hangup action), offers no ARI, and is no security boundary: it is meant
// for the loopback interface.
//
// The captures are exact bytes. All facts about the protocol in this package
// come from those captures and from observation of Asterisk 22.10.1 and 16.28;
// where a comment names another source, it says so.
package asterisktest

// Package asterisktest is a scriptable Asterisk Manager Interface (AMI) server
// and a small library of traffic captured from a real Asterisk 22.10.1.
//
// It exists so that a program that reads AMI can be tested, demonstrated and
// killed without a PBX. A [Server] speaks the protocol on a loopback TCP
// listener, keeps the live channels that its traffic implies and answers
// Status from them; a [Player] re-issues captured calls with fresh identities;
// a [Script] writes calls by hand.
//
// What it does NOT do: it handles no SIP, no RTP and no audio of live calls,
// runs no dialplan, changes nothing on request of a client (there is no
// Originate, no Redirect, no Hangup action), offers no ARI, and is no security
// boundary: it is meant for the loopback interface.
//
// The captures are exact bytes. All facts about the protocol in this package
// come from those captures and from observation of Asterisk 22.10.1 and 16.28;
// where a comment names another source, it says so.
package asterisktest

// Package asterisk is the driver for Asterisk 16 and later: it speaks the
// Asterisk Manager Interface (AMI) and translates what it hears into the words
// of package telephony.
//
// A Source is one Asterisk; each Run is one session: connect, log in, take a
// snapshot of the live channels, deliver events until the connection ends. See
// Config for what it needs and New for how to make one.
//
// Bytes go one way: Reader cuts them into messages and refuses what no Asterisk
// writes, translate turns a message into events, the packer joins events of
// one call that come together, and the sink keeps them.
//
// The package does not reconnect (telephony.Supervisor does), does not merge
// calls that a transfer joins, opens no recordings, places no calls, and
// does not speak ARI or AGI.
package asterisk

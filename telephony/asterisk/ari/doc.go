// Package ari follows the calls of an Asterisk over its REST interface (ARI): a
// WebSocket of events, and GET requests for what is there when it begins. It
// needs no Stasis application in the dialplan, and a user with read_only=yes.
//
// Asterisk tells less this way than over its manager interface (package
// asterisk): no queues, no sign that calls became one but that their channels
// meet, and, unless ari.conf says channelvars=CHANNEL(linkedid), not which call a
// channel is of; see roster. What it tells is the same, and so are the calls that
// are folded from it, but for a list of differences that a test holds.
//
// It places no calls and controls none.
package ari

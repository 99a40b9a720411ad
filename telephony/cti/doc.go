// Package cti holds the generic ways in for phone systems that talkbridge has no
// driver for. All are told of calls in one small vocabulary (Event), which a pure
// function translates into the words of package telephony:
//
//   - Push is the CTI push that many phone systems and scripts speak already:
//     newCall, answer and hangup, posted as a form or as JSON.
//   - Events takes Events as CloudEvents, posted or over a WebSocket.
//   - Feed dials out to the WebSocket of a phone system, and reads Events out of its
//     messages by paths that are configured.
//
// It keeps no state of calls: each message is translated by itself, so that order,
// repetition and a second node do not matter. What was never told to end is ended
// after a time, by what the sink knows to be alive.
package cti

// Package aritest is an ARI server for tests: it sends captures of a real Asterisk,
// or calls as a test scripts them, over a WebSocket, and answers the GET requests
// that a client makes. What it sends of a scripted call has the form of what Asterisk
// 22 sends (a test holds it against the captures), without what tells nothing of a
// call: device states, and all variables but a few.
package aritest

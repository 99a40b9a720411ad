// Package torture proves what talkbridge promises: one call, one ticket, none
// lost of those the phone system can still tell about, none twice, whatever
// crashes, times out or repeats.
//
// It puts the real program, as a child process, between a simulated phone system
// that plays captured calls and a simulated Zendesk that fails, kills it again
// and again, and then compares every ticket, its audio and the agents' pages with
// what the phone system knows to have happened. It knows talkbridge from outside
// only: its configuration, its feed, its log and its exit code.
package torture

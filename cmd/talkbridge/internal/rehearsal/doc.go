// Package rehearsal runs the tests of a configuration: it has a call of each
// made up, rehearsed by the bridge, and what became of it compared with what was
// expected. It asks nobody and writes nothing.
package rehearsal

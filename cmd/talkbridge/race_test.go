//go:build race

package main

// slowness is how much longer than usual things may take.
const slowness = 4

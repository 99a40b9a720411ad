// Package telephonytest holds what the tests of drivers share: a Sink that
// keeps and folds what it gets, the contract that every driver must pass
// (RunSource, RunTold), and the comparison with golden files.
//
// It speaks to no phone system itself: each driver brings its own.
package telephonytest

// Package wording is the language in which a site says what its tickets look
// like: Go's text/template with a closed set of named fields and a few
// functions that can do no harm. A template that parses has been tried on a
// call of which everything is known, and on one of which nothing is.
//
// It does not fetch, reads no clock and no file, and knows nothing of Zendesk:
// what a text is good for is the caller's affair.
package wording

// Package screenpop says which agent should see a page of Zendesk, when and
// why, and has it shown to him in time.
//
// It has three parts: Directory, who answers on which phone; Decide, which
// wants follow from a call as it stands; and Deliverer, which asks Zendesk for
// one page within its deadline.
//
// It does not remember what was shown (whoever calls keeps the keys of wants
// that are done), knows no journal, no queue and no phone system, and cannot
// tell whether a person saw a page: Zendesk only says that it accepted one.
package screenpop

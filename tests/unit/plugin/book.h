/* book.h — a directory for the plugin's tests to read, and a pen to write in it.
 *
 *   alice, bob, carol   users; dave: disabled; root: an admin
 *   lobby               a group of alice (its admin) and bob
 *   news                a channel of alice (its admin) and bob
 */
#ifndef GNATTER_TESTS_PLUGIN_BOOK_H
#define GNATTER_TESTS_PLUGIN_BOOK_H

#include "persist/directory.h"
#include "persist/keys.h"
#include "persist/values.h"

/* At place/data/directory; opened for writing, with a reader possible. */
struct directory *book_make(void);

void book_user(struct directory *d, const char *name, const struct user *u);
void book_forget_user(struct directory *d, const char *name);
void book_chat(struct directory *d, const char *name, enum group_kind kind);
void book_member(struct directory *d, const char *chat, const char *user, bool admin);
void book_forget_member(struct directory *d, const char *chat, const char *user);
void book_contact(struct directory *d, const char *user, const char *contact, uint64_t since);
void book_forget_contact(struct directory *d, const char *user, const char *contact);
void book_block(struct directory *d, const char *user, const char *blocked, uint64_t since);
void book_forget_block(struct directory *d, const char *user, const char *blocked);
void book_remove_device(
	struct directory *d, const char *user, const char *device, uint64_t at, bool back);

/* An entry that nobody can read. */
void book_damage(struct directory *d, enum table t, struct key key);

#endif

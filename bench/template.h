/* template.h — names and topics for many connections from one pattern.
 *
 *   {g}  number of the group          {c}  the chat, itself made from a pattern
 *   {m}  number within the group      {u}  the user, itself made from a pattern
 *   {i}  number of the connection         {k}  number of the topic, of several of one connection
 *
 * All count from 0; {g:5} has at least five digits: 00042.
 */
#ifndef GNATTER_BENCH_TEMPLATE_H
#define GNATTER_BENCH_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

struct template_values {
	unsigned group, member, index, topic;
	const char *chat, *user; /* NULL where {c} or {u} may not stand yet */
};

/* Write the pattern filled in, NUL-terminated, into out. False if it is malformed or too long. */
bool template_fill(
	char *out, size_t out_size, const char *pattern, const struct template_values *v);

#endif

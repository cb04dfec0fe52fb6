/* utf8.h — is it valid UTF-8 (RFC 3629), and how many characters? */
#ifndef GNATTER_WIRE_UTF8_H
#define GNATTER_WIRE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* True if s is valid UTF-8 without a NUL. *chars, if not NULL, gets the number of code points. */
bool utf8_ok(const char *s, size_t len, size_t *chars);

/* The longest prefix of the valid text s that has at most chars_max code points: its bytes. */
size_t utf8_prefix(const char *s, size_t len, size_t chars_max);

#endif

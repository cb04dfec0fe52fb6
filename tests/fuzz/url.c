/* url.c — fuzz URLs of push endpoints. Input: the URL.
 *
 * What is taken is one of https or http, names no user, and is normal: taken again it stays what it
 * is, origin and kind included. A host that is an address is known to be one. What endpoint.h takes
 * is taken, too, and for the same.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/push/endpoint.h"
#include "bridge/push/url.h"
#include "fuzz.h"

static void check_again(const struct url *u)
{
	struct url again = {0};
	const char *why;

	must(url_parse(&again, u->text.data, &why) == ERR_OK);
	must(strcmp(again.text.data, u->text.data) == 0);
	must(strcmp(again.origin.data, u->origin.data) == 0);
	must(again.plain == u->plain && again.literal == u->literal && again.net == u->net &&
		again.local == u->local);
	url_free(&again);
}

static void check_address(const struct url *u)
{
	const char *host = strstr(u->origin.data, "://") + 3;
	char *copy = strndup(host, strcspn(host, ":"));
	struct in_addr a;

	must(copy != NULL);
	must(u->literal == (host[0] == '[' || inet_aton(copy, &a) != 0));
	free(copy);
}

static void check_endpoint(const struct url *u, bool taken, const char *text)
{
	struct buf origin = {0};
	struct endpoint e;
	const char *why;

	if (!endpoint_parse(&e, text, strlen(text), &why))
		return;
	must(taken);
	endpoint_origin(&origin, &e);
	buf_u8(&origin, '\0');
	must(strcmp(origin.data, u->origin.data) == 0);
	must(u->plain == !e.https);
	buf_free(&origin);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct url u = {0};
	const char *why;
	bool taken;

	must(text != NULL);
	taken = url_parse(&u, text, &why) == ERR_OK;
	if (taken) {
		must(strncmp(u.text.data, u.plain ? "http://" : "https://", u.plain ? 7 : 8) == 0);
		must(!memchr(u.origin.data, '@', u.origin.len));
		check_again(&u);
		check_address(&u);
	} else {
		must(why != NULL);
	}
	check_endpoint(&u, taken, text);
	url_free(&u);
	free(text);
	return 0;
}

/* conf.c — fuzz gnatter.conf: what is taken prints to a file that reads back the same. */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "wire/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf c, back;
	char why[200], *text = NULL;
	size_t len = 0;
	FILE *f;

	if (conf_parse(&c, "/srv/i", "f", (const char *)data, size, why, sizeof(why)) != ERR_OK) {
		must(why[0] != '\0' && strlen(why) < sizeof(why));
		return 0;
	}
	f = open_memstream(&text, &len);
	must(f != NULL);
	conf_print(&c, f);
	must(fclose(f) == 0);
	must(conf_parse(&back, "/srv/i", "f", text, len, why, sizeof(why)) == ERR_OK);
	must(memcmp(&back, &c, sizeof(c)) == 0);
	must(!conf_reload(&back, &c));
	free(text);
	return 0;
}

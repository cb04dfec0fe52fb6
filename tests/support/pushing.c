/* pushing.c — see pushing.h. */
#include "tests/support/pushing.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/case.h"
#include "tests/support/certs.h"
#include "tests/support/json.h"
#include "tests/support/proc.h"
#include "tests/support/raw.h"
#include "tests/support/token.h"
#include "wire/buf.h"
#include "wire/json.h"

/* 32 bytes. */
#define WEBHOOK_KEY "dGVzdHMgb2YgR25hdHRlciBzaWduIHdpdGggdGhpcyE="

/* Made once, kept for all tests of the program. */
static char *p256, *rsa;

static char *key_of(const char *const argv[])
{
	struct run r = run(argv);
	char *key;

	if (r.code != 0)
		case_fail("openssl ends with %d: %s", r.code, r.err);
	key = strdup(r.out);
	if (!key)
		case_fail("out of memory");
	return key;
}

const char *pushing_webhook_key(void)
{
	return WEBHOOK_KEY;
}

const char *pushing_p256_pem(void)
{
	if (!p256)
		p256 = key_of((const char *const[]){"openssl", "genpkey", "-quiet", "-algorithm",
			"EC", "-pkeyopt", "ec_paramgen_curve:P-256", NULL});
	return p256;
}

const char *pushing_rsa_pem(void)
{
	if (!rsa)
		rsa = key_of((const char *const[]){"openssl", "genpkey", "-quiet", "-algorithm",
			"RSA", "-pkeyopt", "rsa_keygen_bits:2048", NULL});
	return rsa;
}

/* A key file of the instance, which belongs to whom its token key belongs to. */
static void write_key(struct instance *i, const char *option, const char *name, const char *text)
{
	const char *path = instance_path(i, case_printf("keys/%s", name));
	struct stat owner;

	spill(path, text, strlen(text));
	if (stat(instance_path(i, "keys/token.key"), &owner) != 0 || chmod(path, 0600) != 0 ||
		(geteuid() == 0 && chown(path, owner.st_uid, owner.st_gid) != 0))
		case_fail("cannot make %s: %s", path, strerror(errno));
	instance_set(i, option, case_printf("keys/%s", name));
}

/* What Google gives an operator. */
static const char *service_account(const struct recorder *r)
{
	struct buf b = {0};
	const char *text;

	buf_str(&b, "{\"type\":\"service_account\",\"project_id\":\"gnatter-test\","
		    "\"private_key_id\":\"0123456789abcdef\",\"private_key\":");
	json_put_string(&b, pushing_rsa_pem(), strlen(pushing_rsa_pem()));
	buf_printf(&b, ",\"client_email\":\"push@gnatter-test.example\",\"token_uri\":\"%s\"}",
		recorder_url(r, PUSHING_TOKEN_PATH));
	buf_u8(&b, 0);
	text = case_printf("%s", b.data);
	buf_free(&b);
	return text;
}

void pushing_set_up(struct instance *i, struct recorder *r, const struct front *apns)
{
	recorder_answer(r, PUSHING_TOKEN_PATH,
		&(struct answer){.headers = "Content-Type: application/json\n",
			.body = "{\"access_token\":\"ya29.of-the-tests\",\"expires_in\":3599,"
				"\"token_type\":\"Bearer\"}"});
	write_key(i, "push_webhook_key", "webhook.key", WEBHOOK_KEY "\n");
	write_key(i, "push_webpush_key", "vapid.pem", pushing_p256_pem());
	write_key(i, "push_apns_key", "apns.p8", pushing_p256_pem());
	write_key(i, "push_fcm_account", "fcm.json", service_account(r));
	instance_set(i, "push_webhook_url", recorder_url(r, PUSHING_HOOK_PATH));
	instance_set(i, "push_fcm_url", recorder_url(r, ""));
	instance_set(i, "push_webpush_subject", "mailto:push@example.org");
	instance_set(i, "push_apns_key_id", "ABCDE12345");
	instance_set(i, "push_apns_team", "TEAM123456");
	instance_set(i, "push_apns_topic", PUSHING_APNS_TOPIC);
	instance_set(i, "push_apns_url", apns ? front_url(apns, "") : recorder_url(r, ""));
	instance_set(i, "push_ca_file", certs()->ca);
	instance_set(i, "push_allow_http", "true");
	instance_set(i, "push_allow_private", "true");
	instance_set(i, "push_coalesce", "0s");
}

void pushing_register(struct instance *i, const char *user, const char *device, const char *kind,
	const char *more)
{
	struct client *c = client_5(i, user, device);

	client_requestf(c, "push.set", "{\"kind\":\"%s\"%s}", kind, more);
	client_close(c);
}

/* Nothing is received but acknowledgements: the daemon answers to nobody. */
static void register_one(struct instance *i, const char *user, const char *params)
{
	struct raw_connect c = {.client = case_printf("%s:phone", user),
		.user = user,
		.password = token_mint(&i->keys, &(struct token){.sub = user}),
		.version = 4};
	struct raw_packet p = {0};
	struct raw r;
	struct buf b = {0};

	raw_publish(&b, 4, "api/push.set", params, strlen(params), 1, 1, false);
	if (!raw_open(&r, i->port, 0) || raw_connect(&r, &c, case_patience_ms()) != 0 ||
		!raw_write(&r, b.data, b.len) || raw_read(&r, &p, case_patience_ms()) != 1 ||
		p.type != RAW_PUBACK || !raw_write(&r, "\xe0", 2))
		case_fail("%s cannot register", user);
	raw_close(&r);
	buf_free(&b);
}

void pushing_register_many(struct instance *i, const char *prefix, unsigned count, const char *kind)
{
	const char *params = case_printf("{\"kind\":\"%s\"}", kind);

	for (unsigned k = 0; k < count; k++)
		register_one(i, case_printf("%s%u", prefix, k), params);
}

struct cJSON *pushing_body(const struct recorded *request)
{
	return json_of(request->body.data, request->body.len);
}

bool pushing_is_set(struct client *asks, const char *device)
{
	struct cJSON *j = client_request(asks, "devices", "{}");
	struct cJSON *push = json_at(json_find(json_at(j, "devices"), "device", device), "push");

	if (!cJSON_IsFalse(push) && !cJSON_IsString(push))
		case_fail("the device %s is not among them: %s", device, json_text(j));
	return cJSON_IsString(push);
}

void pushing_wait_removed(struct client *asks, const char *device)
{
	int64_t until = case_now_ms() + case_patience_ms();

	while (pushing_is_set(asks, device)) {
		if (case_now_ms() > until)
			case_fail("the device %s is still pushed to", device);
		case_pause_ms(20);
	}
}

double pushing_stat(struct instance *i, const char *name)
{
	char *text = CTL_OK(i, "stats", "--json");
	cJSON *all = cJSON_Parse(text);
	const cJSON *one = cJSON_GetObjectItemCaseSensitive(all, case_printf("bridge.%s", name));
	double value = cJSON_IsNumber(one) ? one->valuedouble : -1;

	cJSON_Delete(all);
	return value;
}

void pushing_wait_stat(struct instance *i, const char *name, double at_least)
{
	int64_t until = case_now_ms() + case_patience_ms();
	double value;

	while ((value = pushing_stat(i, name)) < at_least) {
		if (case_now_ms() > until)
			case_fail("%s stays at %.0f, below %.0f", name, value, at_least);
		case_pause_ms(20);
	}
}

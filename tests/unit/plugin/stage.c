/* stage.c — see stage.h. */
#include "stage.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "place.h"

struct published stage_published[4096];
size_t stage_published_count;
char stage_log[8192];
bool stage_without_memory;
struct jwt_keys stage_keys;
int stage_events_max = MOSQ_EVT_DISCONNECT;
size_t stage_freed;
struct mosquitto *stage_clients[64];
size_t stage_client_count;
struct mosquitto stage_bridge;

static MOSQ_FUNC_generic_callback hooks[64];
static void *plugin;

/* What the plugin calls. */

const char *mosquitto_client_id(const struct mosquitto *c)
{
	return c->id;
}

const char *mosquitto_client_username(const struct mosquitto *c)
{
	return c->user;
}

const char *mosquitto_client_address(const struct mosquitto *c)
{
	return c->address;
}

bool mosquitto_client_clean_session(const struct mosquitto *c)
{
	return c->clean;
}

int mosquitto_client_protocol(const struct mosquitto *c)
{
	return c->websocket ? mp_websockets : mp_mqtt;
}

int mosquitto_client_protocol_version(const struct mosquitto *c)
{
	return c->version;
}

void *mosquitto_malloc(size_t size)
{
	return stage_without_memory ? NULL : malloc(size);
}

void mosquitto_free(void *p)
{
	stage_freed++;
	free(p);
}

__attribute__((format(printf, 2, 3))) void mosquitto_log_printf(int level, const char *fmt, ...);

void mosquitto_log_printf(int level, const char *fmt, ...)
{
	size_t len = strlen(stage_log);
	va_list args;

	(void)level;
	va_start(args, fmt);
	vsnprintf(stage_log + len, sizeof(stage_log) - len, fmt, args);
	va_end(args);
	len = strlen(stage_log);
	snprintf(stage_log + len, sizeof(stage_log) - len, "\n");
}

int mosquitto_callback_register(mosquitto_plugin_id_t *id, int event, MOSQ_FUNC_generic_callback fn,
	const void *data, void *userdata)
{
	(void)id;
	(void)userdata;
	if (event > stage_events_max)
		return MOSQ_ERR_NOT_SUPPORTED;
	if (event == MOSQ_EVT_CONTROL)
		assert_string_equal(data, CONTROL_TOPIC);
	assert_null(hooks[event]);
	hooks[event] = fn;
	return MOSQ_ERR_SUCCESS;
}

int mosquitto_callback_unregister(
	mosquitto_plugin_id_t *id, int event, MOSQ_FUNC_generic_callback fn, const void *data)
{
	(void)id;
	(void)data;
	if (event > stage_events_max)
		return MOSQ_ERR_NOT_SUPPORTED;
	assert_true(hooks[event] == fn);
	hooks[event] = NULL;
	return MOSQ_ERR_SUCCESS;
}

int mosquitto_broker_publish(const char *client, const char *topic, int len, void *payload, int qos,
	bool retain, mosquitto_property *properties)
{
	struct published *p = &stage_published[stage_published_count++];
	void *correlation = NULL;
	uint16_t correlation_len = 0;

	assert_true(stage_published_count <= sizeof(stage_published) / sizeof(*p));
	*p = (struct published){.len = (size_t)len, .qos = qos, .retain = retain};
	p->payload = calloc(1, (size_t)len + 1); /* with a NUL, for tests */
	if (len > 0)
		memcpy(p->payload, payload, (size_t)len);
	free(payload);
	snprintf(p->client, sizeof(p->client), "%s", client ? client : "");
	snprintf(p->topic, sizeof(p->topic), "%s", topic);
	if (mosquitto_property_read_binary(
		    properties, MQTT_PROP_CORRELATION_DATA, &correlation, &correlation_len, false))
		snprintf(p->correlation, sizeof(p->correlation), "%.*s", (int)correlation_len,
			(char *)correlation);
	free(correlation);
	mosquitto_property_read_int32(
		properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, &p->expiry, false);
	mosquitto_property_free_all(&properties);
	return MOSQ_ERR_SUCCESS;
}

int mosquitto_kick_client_by_clientid(const char *id, bool with_will)
{
	for (size_t i = 0; i < stage_client_count; i++) {
		struct mosquitto *c = stage_clients[i];

		if (c->gone || strcmp(c->id, id) != 0)
			continue;
		assert_true(with_will || c == &stage_bridge);
		if (c->websocket)
			c->gone = true; /* the plugin is told later */
		else
			stage_disconnect(c);
		return MOSQ_ERR_SUCCESS;
	}
	return MOSQ_ERR_NOT_FOUND;
}

/* Loading. */

static void make_keys(void)
{
	char base64[64];

	randombytes_buf(stage_keys.hs256, 32);
	stage_keys.hs256_len = 32;
	sodium_bin2base64(
		base64, sizeof(base64), stage_keys.hs256, 32, sodium_base64_VARIANT_ORIGINAL);
	mkdir(in_place("keys"), 0700);
	place_write("keys/token.key", base64, strlen(base64));
}

int stage_load_with(const char *key, const char *value)
{
	char k[64], v[256];
	struct mosquitto_opt option = {k, v};

	snprintf(k, sizeof(k), "%s", key);
	snprintf(v, sizeof(v), "%s", value);
	stage_log[0] = '\0';
	return mosquitto_plugin_init(NULL, &plugin, &option, 1);
}

int stage_load(const char *more)
{
	if (stage_keys.hs256_len == 0)
		make_keys();
	place_write("gnatter.conf", more, strlen(more));
	return stage_load_with("config", in_place("gnatter.conf"));
}

void stage_unload(void)
{
	mosquitto_plugin_cleanup(plugin, NULL, 0);
	plugin = NULL;
	for (int i = 0; i < 64; i++)
		assert_null(hooks[i]);
	stage_clear();
	stage_client_count = 0;
	stage_without_memory = false;
}

bool stage_loaded(void)
{
	return plugin != NULL;
}

bool stage_has_hook(int event)
{
	return hooks[event] != NULL;
}

void stage_event(int event, void *data)
{
	hooks[event](event, data, plugin);
}

void stage_clear(void)
{
	for (size_t i = 0; i < stage_published_count; i++)
		free(stage_published[i].payload);
	stage_published_count = 0;
}

/* Events. */

int stage_connect(struct mosquitto *c, const char *password)
{
	char copy[JWT_MAX];
	struct mosquitto_evt_basic_auth e = {.client = c, .username = NULL, .password = NULL};
	char user[128];
	int rc;

	if (c->user) {
		snprintf(user, sizeof(user), "%s", c->user);
		e.username = user;
	}
	if (password) {
		snprintf(copy, sizeof(copy), "%s", password);
		e.password = copy;
	}
	rc = hooks[MOSQ_EVT_BASIC_AUTH](MOSQ_EVT_BASIC_AUTH, &e, plugin);
	if (rc == MOSQ_ERR_SUCCESS) {
		c->gone = false;
		stage_clients[stage_client_count++] = c;
	}
	return rc;
}

static void mint(char *token, const char *user, enum role role, bool role_set)
{
	int64_t now = (int64_t)time(NULL) * 1000;
	struct jwt t = {
		.role = role, .role_set = role_set, .iat_ms = now - 1000, .exp_ms = now + 60000};

	snprintf(t.sub, sizeof(t.sub), "%s", user);
	assert_int_equal(jwt_mint(token, JWT_MAX, &t, &stage_keys), ERR_OK);
}

int stage_signin(struct mosquitto *c, const char *user)
{
	char token[JWT_MAX];

	c->user = user;
	mint(token, user, ROLE_USER, false);
	return stage_connect(c, token);
}

void stage_disconnect(struct mosquitto *c)
{
	struct mosquitto_evt_disconnect e = {.client = c};

	c->gone = true;
	hooks[MOSQ_EVT_DISCONNECT](MOSQ_EVT_DISCONNECT, &e, plugin);
}

int stage_acl(struct mosquitto *c, const char *topic, int access, int qos, bool retain)
{
	struct mosquitto_evt_acl_check e = {.client = c,
		.topic = topic,
		.access = access,
		.qos = (uint8_t)qos,
		.retain = retain};

	return hooks[MOSQ_EVT_ACL_CHECK](MOSQ_EVT_ACL_CHECK, &e, plugin);
}

static int check_read(struct mosquitto *c, const char *topic, const char *payload, bool retain)
{
	struct mosquitto_evt_acl_check e = {.client = c,
		.topic = topic,
		.payload = payload,
		.payloadlen = (uint32_t)strlen(payload),
		.access = MOSQ_ACL_READ,
		.qos = 1,
		.retain = retain};

	return hooks[MOSQ_EVT_ACL_CHECK](MOSQ_EVT_ACL_CHECK, &e, plugin);
}

int stage_read(struct mosquitto *c, const char *topic, const char *payload)
{
	return check_read(c, topic, payload, strncmp(topic, "presence/", 9) == 0);
}

int stage_read_live(struct mosquitto *c, const char *topic, const char *payload)
{
	return check_read(c, topic, payload, false);
}

int stage_publish_with(struct mosquitto *c, const char *topic, struct bytes payload,
	const mosquitto_property *properties)
{
	char copy[1100];
	struct mosquitto_evt_message e = {.client = c,
		.topic = copy,
		.payload = (void *)(uintptr_t)payload.data,
		.payloadlen = (uint32_t)payload.len,
		.properties = (mosquitto_property *)(uintptr_t)properties,
		.qos = 1,
		.retain = true};
	int rc = stage_acl(c, topic, MOSQ_ACL_WRITE, 1, true);

	if (rc != MOSQ_ERR_SUCCESS)
		return rc;
	snprintf(copy, sizeof(copy), "%s", topic);
	rc = hooks[MOSQ_EVT_MESSAGE](MOSQ_EVT_MESSAGE, &e, plugin);
	if (rc == MOSQ_ERR_SUCCESS) /* presence stays as it came */
		assert_int_equal(e.retain,
			strncmp(topic, "chat/", 5) != 0 && strncmp(topic, "api/", 4) != 0);
	return rc;
}

int stage_publish(struct mosquitto *c, const char *topic, const char *payload, int qos)
{
	struct mosquitto_evt_message e = {.client = c,
		.topic = (char *)(uintptr_t)topic,
		.payload = (void *)(uintptr_t)payload,
		.payloadlen = (uint32_t)strlen(payload),
		.qos = (uint8_t)qos};
	int rc = stage_acl(c, topic, MOSQ_ACL_WRITE, qos, false);

	return rc != MOSQ_ERR_SUCCESS ? rc : hooks[MOSQ_EVT_MESSAGE](MOSQ_EVT_MESSAGE, &e, plugin);
}

int stage_control(struct mosquitto *c, struct bytes message)
{
	struct mosquitto_evt_control e = {.client = c,
		.topic = CONTROL_TOPIC,
		.payload = message.data,
		.payloadlen = (uint32_t)message.len};

	return hooks[MOSQ_EVT_CONTROL](MOSQ_EVT_CONTROL, &e, plugin);
}

void stage_reload(void)
{
	struct mosquitto_evt_reload e = {0};

	hooks[MOSQ_EVT_RELOAD](MOSQ_EVT_RELOAD, &e, plugin);
}

void stage_tick(void)
{
	struct mosquitto_evt_tick e = {0};

	hooks[MOSQ_EVT_TICK](MOSQ_EVT_TICK, &e, plugin);
}

/* The bridge. */

void stage_bridge_connect(void)
{
	char token[JWT_MAX];

	stage_bridge = (struct mosquitto){
		.id = BRIDGE_CLIENT, .user = BRIDGE_CLIENT, .clean = true, .version = 5};
	mint(token, BRIDGE_CLIENT, ROLE_SERVICE, true);
	assert_int_equal(stage_connect(&stage_bridge, token), MOSQ_ERR_SUCCESS);
}

int stage_effects(enum control_kind kind, uint64_t epoch, uint64_t number, bool last,
	const struct effect *effects, uint32_t count)
{
	struct control c = {
		.kind = kind, .last = last, .epoch = epoch, .number = number, .count = count};
	struct buf b = {0};
	char header[CONTROL_HEADER];
	int rc;

	control_encode_header(&c, header);
	buf_put(&b, header, sizeof(header));
	for (uint32_t i = 0; i < count; i++)
		effect_encode(&b, &effects[i]);
	rc = stage_control(&stage_bridge, (struct bytes){b.data, b.len});
	buf_free(&b);
	return rc;
}

int stage_hello(uint64_t epoch, uint64_t number)
{
	return stage_effects(CONTROL_HELLO, epoch, number, true, NULL, 0);
}

bool stage_frame(struct frame *f, size_t *at)
{
	for (; *at < stage_published_count; ++*at) {
		const struct published *p = &stage_published[*at];

		if (strcmp(p->topic, FRAME_TOPIC) != 0)
			continue;
		assert_string_equal(p->client, BRIDGE_CLIENT);
		assert_int_equal(p->qos, 0);
		assert_int_equal(frame_decode(f, p->payload, p->len), ERR_OK);
		++*at;
		return true;
	}
	return false;
}

struct record stage_record(const struct frame *f, uint32_t i)
{
	struct bytes rest = f->records;
	struct record r = {0};
	uint32_t size;

	assert_true(i < f->count);
	for (uint32_t n = 0; n <= i; n++) {
		assert_int_equal(record_decode(&r, rest.data, rest.len, &size), ERR_OK);
		rest.data += size;
		rest.len -= size;
	}
	return r;
}

const struct published *stage_find(const char *topic)
{
	for (size_t i = 0; i < stage_published_count; i++) {
		if (strcmp(stage_published[i].topic, topic) == 0)
			return &stage_published[i];
	}
	return NULL;
}

/* store_sql.c — the statements of the store, each made when it is first used and kept.
 *
 * A statement that is used again inside of its own rows (a callback that reads the same thing) is
 * made a second time, for that use alone.
 */
#include "clients/sdk/store_internal.h"

#include <string.h>

/* As struct store_chat is read in store_chats.c. */
#define CHAT                                                                                   \
	"SELECT chat,kind,title,peer,role,seq,n,ts,delivered,read,muted,muted_until,mentions," \
	"gone,preview_seq,preview_from,preview_type,preview_text,lo,hi,known,read_n,"          \
	"told_delivered,told_read,want_delivered,want_read,own_seq,floor_delivered,"           \
	"floor_read,members FROM chats "

/* The text after the newest edit; the original one where that edit is not here (yet). */
#define TEXT                                                                           \
	"CASE m.edited WHEN 0 THEN m.text ELSE ifnull((SELECT e.text FROM messages e " \
	"WHERE e.chat_id=m.chat_id AND e.seq=m.edited AND e.type='edit'),m.text) END"

/* As struct gnatter_message is read in store_messages.c. */
#define MESSAGE_COLUMNS                                                   \
	"c.chat,m.seq,m.n,m.sender,m.device,m.ts,m.id,m.type,m.ref," TEXT \
	",m.media,m.body,m.edited,m.deleted,c.floor_delivered,c.floor_read "
#define MESSAGE "SELECT " MESSAGE_COLUMNS "FROM chats c CROSS JOIN messages m ON m.chat_id=c.id "

/* As the index messages_ref has it, word for word, or it is not used; and a plain type='edit'
 * beside it would have SQLite put the constant into it, therefore the +. */
#define REFERS "type IN('edit','reaction') "

#define COUNTS "m.type NOT IN('edit','delete','reaction','system','deleted') "

#define PROFILE                                                                                \
	"SELECT user,alias,name,about,avatar,contact,online,state,status_text,last_seen FROM " \
	"profiles "

#define OUTGOING "SELECT pos,id,chat,payload,tick,tries FROM outbox "

/* tick 1: refused. */
#define OUTBOX "SELECT id,chat,type,ref,text,media,body,ts,tick,code FROM outbox "

// clang-format off
static const char *const table[SQL_COUNT] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_META] = "SELECT value FROM meta WHERE key=?",
	[SQL_META_PUT] = "INSERT INTO meta(key,value) VALUES(?,?) "
		"ON CONFLICT(key) DO UPDATE SET value=excluded.value",
	[SQL_PAGE_COUNT] = "PRAGMA page_count",
	[SQL_FREE_COUNT] = "PRAGMA freelist_count",
	[SQL_VACUUM] = "PRAGMA incremental_vacuum",
	[SQL_TRIM_CHAT] = "SELECT id,lo,hi FROM chats WHERE lo<hi ORDER BY written LIMIT 1",
	[SQL_TRIM_MESSAGES] = "DELETE FROM messages WHERE chat_id=? AND seq<=?",
	[SQL_TRIM_PROFILES] = "DELETE FROM profiles WHERE contact=0",
	[SQL_SET_LO] = "UPDATE chats SET lo=?2,own_seq=CASE WHEN own_seq>?2 THEN own_seq ELSE 0 END "
		"WHERE id=?1",
	[SQL_WRITTEN_MAX] = "SELECT max(written) FROM chats",

	[SQL_CHAT] = CHAT "WHERE chat=?",
	[SQL_CHATS] = CHAT "ORDER BY gone,ts DESC,id",
	[SQL_UNTOLD] = CHAT "WHERE gone=0 AND "
		"(want_delivered>told_delivered OR want_read>told_read) ORDER BY id",
	[SQL_CHAT_INSERT] = "INSERT INTO chats(chat) VALUES(?)",
	[SQL_CHAT_UPDATE] = "UPDATE chats SET gone=0,kind=?,title=?,peer=?,role=?,seq=?,n=?,ts=?,"
		"delivered=?,read=?,muted=?,muted_until=?,mentions=?,preview_seq=?,preview_from=?,"
		"preview_type=?,preview_text=?,read_n=?,told_delivered=?,told_read=? WHERE chat=?",
	[SQL_CHAT_BEGIN] = "UPDATE chats SET known=1,lo=?2,hi=?2 WHERE id=?1",
	[SQL_PLACE] = "SELECT id,kind,known,ts,seq,n,delivered,read,read_n,told_delivered,told_read,"
		"want_delivered,want_read,own_seq,lo,hi,written,floor_delivered,floor_read,"
		"preview_seq FROM chats WHERE chat=?",
	[SQL_PLACE_PUT] = "UPDATE chats SET ts=?,seq=?,n=?,delivered=?,read=?,read_n=?,"
		"told_delivered=?,told_read=?,want_delivered=?,want_read=?,own_seq=?,lo=?,hi=?,"
		"written=? WHERE id=?",
	[SQL_SET_GONE] = "UPDATE chats SET gone=1 WHERE chat=?",
	[SQL_SET_TITLE] = "UPDATE chats SET title=? WHERE chat=?",
	[SQL_SET_MUTE] = "UPDATE chats SET muted=?,muted_until=?,mentions=? WHERE chat=?",
	[SQL_SET_FLOOR] = "UPDATE chats SET floor_delivered=?,floor_read=? WHERE id=?",
	[SQL_SET_MEMBERS] = "UPDATE chats SET members=1 WHERE id=?",
	[SQL_SET_PREVIEW] = "UPDATE chats SET preview_seq=?,preview_from=?,preview_type=?,"
		"preview_text=? WHERE id=?",
	[SQL_SET_PREVIEW_TEXT] = "UPDATE chats SET preview_text=? WHERE id=?",
	[SQL_N_AT] = "SELECT n FROM messages WHERE chat_id=? AND seq<=? ORDER BY seq DESC LIMIT 1",

	[SQL_MEMBERS] = "SELECT m.user,m.role,"
		"CASE WHEN m.user=?1 THEN max(m.delivered,c.delivered) ELSE m.delivered END,"
		"CASE WHEN m.user=?1 THEN max(m.read,c.read) ELSE m.read END "
		"FROM chats c CROSS JOIN members m ON m.chat_id=c.id WHERE c.chat=?2 ORDER BY m.user",
	[SQL_MEMBERS_UNLIST] = "UPDATE members SET listed=0 WHERE chat_id=?",
	[SQL_MEMBER_PUT] = "INSERT INTO members(chat_id,user,role,delivered,read,listed) "
		"VALUES(?,?,?,?,?,1) ON CONFLICT(chat_id,user) DO UPDATE SET role=excluded.role,"
		"delivered=max(delivered,excluded.delivered),read=max(read,excluded.read),listed=1",
	[SQL_MEMBERS_DROP] = "DELETE FROM members WHERE chat_id=? AND listed=0",
	[SQL_MARK] = "SELECT delivered,read FROM members WHERE chat_id=? AND user=?",
	[SQL_MARK_PUT] = "UPDATE members SET delivered=?,read=? WHERE chat_id=? AND user=?",
	[SQL_MARK_INSERT] = "INSERT INTO members(delivered,read,chat_id,user,role,listed) "
		"VALUES(?,?,?,?,'member',1)",
	[SQL_FLOOR] = "SELECT count(*),min(delivered),min(read) FROM members "
		"WHERE chat_id=? AND user<>?",

	[SQL_PROFILE] = PROFILE "WHERE user=?",
	[SQL_PROFILE_INSERT] = "INSERT OR IGNORE INTO profiles(user) VALUES(?)",
	[SQL_PROFILE_PUT] = "UPDATE profiles SET contact=CASE WHEN ?1 IS NULL THEN contact ELSE ?2 END,"
		"alias=ifnull(?1,alias),name=ifnull(?3,name),about=ifnull(?4,about),"
		"avatar=ifnull(?5,avatar) WHERE user=?6",
	[SQL_PRESENCE_PUT] = "UPDATE profiles SET online=?,state=?,status_text=?,last_seen=? WHERE user=?",
	[SQL_CONTACTS] = PROFILE "WHERE contact=1 ORDER BY "
		"coalesce(nullif(alias,''),nullif(name,''),user) COLLATE NOCASE,user",
	[SQL_CONTACTS_CLEAR] = "UPDATE profiles SET contact=0,alias='' WHERE contact=1",

	[SQL_MESSAGE_PUT] = "INSERT INTO messages(chat_id,seq,n,ts,sender,device,id,type,ref,text,media,"
		"body,edited,deleted) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[SQL_EDIT] = "UPDATE messages SET edited=max(edited,?3) WHERE chat_id=?1 AND seq=?2 "
		"AND type NOT IN('deleted','edit','delete','reaction','system')",
	[SQL_BURY] = "UPDATE messages SET type='deleted',text=NULL,media=NULL,body=NULL,ref=0,edited=0,"
		"deleted=?3 WHERE chat_id=?1 AND seq=?2",
	[SQL_BURY_EDITS] = "UPDATE messages INDEXED BY messages_ref SET type='deleted',text=NULL,"
		"media=NULL,body=NULL,ref=0,edited=0,deleted=?3 WHERE chat_id=?1 AND ref=?2 AND " REFERS
		"AND +type='edit'",
	[SQL_TEXT] = "SELECT " TEXT ",m.sender,m.type FROM messages m WHERE m.chat_id=? AND m.seq=?",
	[SQL_MESSAGES] = MESSAGE "WHERE c.chat=? AND m.seq>? AND m.seq<? ORDER BY m.seq",
	[SQL_REACTIONS] = "SELECT " MESSAGE_COLUMNS "FROM chats c CROSS JOIN messages m "
		"INDEXED BY messages_ref ON m.chat_id=c.id WHERE c.chat=? AND m.ref=? AND " REFERS
		"AND +type='reaction' GROUP BY m.sender HAVING max(m.seq)>0 AND ifnull(m.text,'')<>'' "
		"ORDER BY m.seq",
	[SQL_OWN] = MESSAGE "WHERE c.chat=? AND m.seq>? AND m.seq<=? AND m.sender=? AND m.device=? "
		"AND m.type<>'system' ORDER BY m.seq",
	[SQL_SEARCH] = MESSAGE "WHERE c.chat=?3 AND " COUNTS "AND holds(" TEXT ",?1) "
		"ORDER BY m.seq DESC LIMIT ?2",
	[SQL_SEARCH_ALL] = MESSAGE "WHERE " COUNTS "AND holds(" TEXT ",?1) "
		"ORDER BY m.ts DESC,m.chat_id,m.seq DESC LIMIT ?2",

	[SQL_QUEUE] = "INSERT INTO outbox(pos,id,chat,type,ref,text,media,body,payload,ts,tick) "
		"VALUES(?,?,?,?,?,?,?,?,?,?,?)",
	[SQL_WAITING] = OUTGOING "WHERE pos>? AND tick<>1 ORDER BY pos LIMIT ?",
	[SQL_OUTGOING] = OUTGOING "WHERE chat=? AND id=?",
	[SQL_OUTBOX] = OUTBOX "ORDER BY pos",
	[SQL_OUTBOX_CHAT] = OUTBOX "WHERE chat=? ORDER BY pos",
	[SQL_OUTBOX_COUNT] = "SELECT count(*),ifnull(sum(tick=1),0) FROM outbox",
	[SQL_OUTBOX_LAST] = "SELECT max(pos) FROM outbox",
	[SQL_SET_SENT] = "UPDATE outbox SET tick=?1 WHERE chat=?2 AND id=?3 AND tick<>?1",
	[SQL_COUNT_TRY] = "UPDATE outbox SET tries=tries+1 WHERE chat=? AND id=?",
	[SQL_REFUSE] = "UPDATE outbox SET tick=1,code=?,message=? WHERE chat=? AND id=?",
	[SQL_REFUSED_DROP] = "DELETE FROM outbox WHERE pos=(SELECT min(pos) FROM outbox WHERE tick=1)",
	[SQL_UNQUEUE] = "DELETE FROM outbox WHERE chat=? AND id=?",
};
// clang-format on

static sqlite3_stmt *prepare(struct sql *q, unsigned flags)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v3(q->s->db, table[q->id], -1, flags, &st, NULL);

	if (rc != SQLITE_OK)
		q->err = store_fail(q->s, rc);
	return st;
}

void sql_start(struct sql *q, struct store *s, enum sql_id id)
{
	sqlite3_stmt **kept = &s->statements[id];

	*q = (struct sql){.s = s, .id = id};
	if (s->failed != GNATTER_OK && id != SQL_ROLLBACK) {
		q->err = s->failed;
		return;
	}
	if (!*kept)
		*kept = prepare(q, SQLITE_PREPARE_PERSISTENT);
	q->st = *kept;
	if (q->st && sqlite3_stmt_busy(q->st))
		q->st = prepare(q, 0);
}

static void check_bound(struct sql *q, int rc)
{
	if (rc != SQLITE_OK && q->err == GNATTER_OK)
		q->err = store_fail(q->s, rc);
}

void sql_int(struct sql *q, int64_t v)
{
	if (q->err == GNATTER_OK)
		check_bound(q, sqlite3_bind_int64(q->st, ++q->bound, v));
}

void sql_u64(struct sql *q, uint64_t v)
{
	sql_int(q, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

void sql_text(struct sql *q, const char *v)
{
	if (q->err == GNATTER_OK)
		check_bound(q, sqlite3_bind_text(q->st, ++q->bound, v, -1, SQLITE_STATIC));
}

bool sql_row(struct sql *q)
{
	int rc;

	if (q->err != GNATTER_OK)
		return false;
	rc = sqlite3_step(q->st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		q->err = store_fail(q->s, rc);
	return rc == SQLITE_ROW;
}

enum gnatter_error sql_end(struct sql *q)
{
	if (q->st && q->st == q->s->statements[q->id]) {
		sqlite3_reset(q->st);
		sqlite3_clear_bindings(q->st);
	} else {
		sqlite3_finalize(q->st);
	}
	q->st = NULL;
	return q->err;
}

enum gnatter_error sql_run(struct sql *q)
{
	while (sql_row(q))
		;
	return sql_end(q);
}

enum gnatter_error sql_run_one(struct sql *q)
{
	enum gnatter_error e = sql_run(q);

	return e == GNATTER_OK && sqlite3_changes(q->s->db) == 0 ? GNATTER_ENOTFOUND : e;
}

enum gnatter_error sql_simple(struct store *s, enum sql_id id)
{
	struct sql q;

	sql_start(&q, s, id);
	return sql_run(&q);
}

int64_t sql_column(struct sql *q, int column)
{
	return sqlite3_column_int64(q->st, column);
}

uint64_t sql_number(struct sql *q, int column)
{
	int64_t v = sqlite3_column_int64(q->st, column);

	return v > 0 ? (uint64_t)v : 0;
}

const char *sql_string_or_null(struct sql *q, int column)
{
	const char *v;

	if (sqlite3_column_type(q->st, column) == SQLITE_NULL)
		return NULL;
	v = (const char *)sqlite3_column_text(q->st, column);
	if (!v && q->err == GNATTER_OK && sqlite3_errcode(q->s->db) == SQLITE_NOMEM)
		q->err = store_fail(q->s, SQLITE_NOMEM);
	return v;
}

const char *sql_string(struct sql *q, int column)
{
	const char *v = sql_string_or_null(q, column);

	return v ? v : "";
}

void sql_finish(struct store *s)
{
	for (int i = 0; i < SQL_COUNT; i++) {
		sqlite3_finalize(s->statements[i]);
		s->statements[i] = NULL;
	}
}

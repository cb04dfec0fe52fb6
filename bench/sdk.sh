# sdk.sh — what the SDK and the terminal client cost, for bench/run, which reads this file.
# shellcheck shell=sh disable=SC2086,SC2154

SDK=$B/bench/sdk
CACHED=${QUICK:+20000}
CACHED=${CACHED:-100000} # messages in 200 chats
MISSED=${QUICK:+2000}
MISSED=${MISSED:-10000} # messages in 50 of them

# A reader with 200 groups, and somebody who writes in each.
import_reader() {
	awk 'BEGIN {
		print "{\"user\":\"reader\"}"
		for (g = 0; g < 200; g++)
			printf "{\"user\":\"s%03d\"}\n{\"chat\":\"sdk%03d\",\"title\":\"Group %d\",\"members\":[\"reader\",\"s%03d\"],\"admins\":[\"s%03d\"]}\n", \
				g, g, g, g, g
	}' >"$T/reader.jsonl"
	import_file reader
}

# sdk_write GROUPS COUNT: so many messages of 100 bytes in so many of the reader's groups.
sdk_write() {
	timeout 120 "$LOAD" fill $GNATTER --user 's{g:3}' --chat 'sdk{g:3}' --groups "$1" --members 1 --senders 1 \
		--window 16 --size 100 --gather 0.001 --count "$2" >"$T/out" 2>&1 || broken "sdk: $(cat "$T/out")"
	settle
}

token_of() {
	"$CTL" -d "$DIR" token "$1" --device "$2"
}

# sdk_catch_up WHAT [unread]: connect the reader's phone.
sdk_catch_up() {
	what=$1
	shift
	"$SDK" catch-up "tcp://127.0.0.1:$PORT" reader "$(token_of reader phone)" "$STATE/gnatter/reader@phone.db" "$@" >"$T/out" || {
		broken "sdk: catching up failed"
		return 0
	}
	echo "$what gnatter $(number ms)" >>"$T/results"
	echo "$what-bytes gnatter $(awk "BEGIN {print $(number bytes_in) / $(number messages)}")" >>"$T/results"
	printf '%-10s gnatter %s messages in %s ms; a message: %s bytes in, %s out, %s of them text\n' "$what" \
		"$(number messages)" "$(number ms)" \
		"$(awk "BEGIN {printf \"%.0f\", $(number bytes_in) / $(number messages)}")" \
		"$(awk "BEGIN {printf \"%.1f\", $(number bytes_out) / $(number messages)}")" \
		"$(awk "BEGIN {printf \"%.0f\", $(number text_bytes) / $(number messages)}")"
}

# Sent, stored, and told: 100 a second.
sdk_echo() {
	round=0
	while [ $round -lt "$CROWD_ROUNDS" ]; do
		"$SDK" echo "tcp://127.0.0.1:$PORT" reader "$(token_of reader echo)" sdk000 100 5 >"$T/out" ||
			broken "sdk: not every message was stored"
		echo "sdk-echo gnatter $(number p99_ms)" >>"$T/results"
		echo "sdk-echo   gnatter p50 $(number p50_ms) ms  p99 $(number p99_ms) ms"
		round=$((round + 1))
	done
}

# The terminal client, with what is cached by then, until its messages are drawn.
sdk_screen() {
	mkdir -p "$T/config/gnatter"
	printf 'address tcp://127.0.0.1:%s\nuser reader\ndevice phone\n' "$PORT" >"$T/config/gnatter/config"
	(umask 077 && token_of reader phone >"$T/config/gnatter/token")
	XDG_CONFIG_HOME=$T/config XDG_STATE_HOME=$STATE "$B/bench/screen" 20 'newer messages below' "$B/gnatter" >"$T/out" ||
		broken "sdk: the first screen did not come"
	echo "sdk-screen gnatter $(sed -n 's/.* best, \([0-9.]*\) in the middle.*/\1/p' "$T/out")" >>"$T/results"
	echo "sdk-screen gnatter $(cat "$T/out")"
}

work_sdk() {
	STATE=$T/state
	mkdir -p "$STATE/gnatter"
	import_reader
	sdk_echo
	sdk_write 200 "$CACHED"
	sdk_catch_up sdk-all unread
	sdk_screen
	round=0
	while [ $round -lt "$CROWD_ROUNDS" ]; do
		sdk_write 50 "$MISSED"
		sdk_catch_up sdk-missed
		round=$((round + 1))
	done
}

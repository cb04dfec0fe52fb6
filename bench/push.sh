# push.sh — what pushing costs, for bench/run, which reads this file. nginx is the provider that speaks HTTP/2, as
# FCM and APNs do; build/bench/provider one that takes 50 ms to answer.
# shellcheck shell=sh disable=SC2086,SC2154

PROVIDER=$B/bench/provider
AWAY=${QUICK:+2000}
AWAY=${AWAY:-10000} # devices in the channel whose message is pushed
QUEUED=${QUICK:+20}
QUEUED=${QUEUED:-100} # channels of them all, whose messages wait while the provider is down
PROVIDER_PID=
NGINX_PID=

stop_providers() {
	stop_pid "$PROVIDER_PID"
	stop_pid "$NGINX_PID"
	PROVIDER_PID= NGINX_PID=
}

# push_option NAME VALUE: in the instance's gnatter.conf.
push_option() {
	sed -i "/^$1 /d" "$DIR/gnatter.conf"
	echo "$1 $2" >>"$DIR/gnatter.conf"
}

# push_key NAME: standard input becomes that key file of the instance, for its owner alone.
push_key() {
	(umask 077 && cat >"$DIR/keys/$1")
	chown --reference="$DIR/keys/token.key" "$DIR/keys/$1"
}

start_nginx() {
	APNS_PORT=${APNS_PORT:-$(free_port $((PORT + 100)))}
	mkdir -p "$T/nginx"
	[ -e "$T/nginx/key.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-keyout "$T/nginx/key.pem" -out "$T/nginx/cert.pem" -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
	cat >"$T/nginx/nginx.conf" <<-END
		worker_processes 1; daemon off; pid $T/nginx/pid; error_log $T/nginx/error.log;
		events { worker_connections 1024; }
		http {
		access_log off; keepalive_requests 100000000;
		client_body_temp_path $T/nginx; proxy_temp_path $T/nginx; fastcgi_temp_path $T/nginx;
		uwsgi_temp_path $T/nginx; scgi_temp_path $T/nginx;
		server {
		listen 127.0.0.1:$APNS_PORT ssl http2; http2_max_concurrent_streams 1024;
		ssl_certificate $T/nginx/cert.pem; ssl_certificate_key $T/nginx/key.pem;
		location / { return 200; }
		}
		}
	END
	PATH=$PATH:/usr/sbin nginx -c "$T/nginx/nginx.conf" 2>"$T/nginx/start.log" &
	NGINX_PID=$!
	await $NGINX_PID port_used "$APNS_PORT" || die "nginx does not start: $(cat "$T/nginx/start.log")"
}

# import_away LETTER CHANNELS: AWAY users who are members of so many channels, all of them of each.
import_away() {
	awk -v n="$AWAY" -v letter="$1" -v channels="$2" 'BEGIN {
		for (i = 0; i < n; i++) {
			printf "{\"user\":\"%s%05d\"}\n", letter, i
			list = list sprintf("%s\"%s%05d\"", i ? "," : "", letter, i)
		}
		printf "{\"user\":\"%seditor\"}\n", letter
		for (c = 0; c < channels; c++)
			printf "{\"chat\":\"%snews%02d\",\"kind\":\"channel\",\"title\":\"News\",\"admins\":[\"%seditor\"],\"members\":[%s]}\n", \
				letter, c, letter, list
	}' >"$T/away.jsonl"
	import_file away
}

# register CALL-ARGUMENTS...: connect once and ask api/push.set. Fails the measurement if one is refused.
register() {
	"$LOAD" call $GNATTER --client '{u}:phone' --publish api/push.set "$@" >"$T/out" 2>&1 || broken "push: $(cat "$T/out")"
}

# stat NAME: a counter of the daemon, now.
stat() {
	"$CTL" -d "$DIR" stats | awk -v name="bridge.$1" '$1 == name {print $2}'
}

# stat_reaches NAME NUMBER SECONDS
stat_reaches() {
	tries=$(($3 * 4))
	while [ "$(stat "$1")" -lt "$2" ]; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.25
	done
}

# register_away LETTER: the users of import_away, each with a device that APNs reaches; and they leave.
register_away() {
	register --user "$1{i:5}" --groups "$AWAY" --members 1 \
		--params '"kind":"apns","token":"00000000000000000000000000000000000000000000000000000000{i:8}"'
	sleep 6 # that they have gone is told after the grace
	settle
}

# write_news LETTER CHANNELS: one message in each of so many channels.
write_news() {
	"$LOAD" fill $GNATTER --user "$1editor" --client "$1editor:desk{g}" --chat "$1news{g:2}" --groups "$2" --members 1 --senders 1 \
		--window 1 --count "$2" >"$T/out" 2>&1 || broken "push: the news could not be written: $(cat "$T/out")"
}

# Chat throughput with everybody who receives away: without a registration in the instance, and with one each and
# a provider that answers after 50 ms.
push_throughput() {
	load="--groups 50 --members 1 --senders 1 --window 16 --size 100 --qos 1 --gather 0.001 --user p{g:2}m0 --chat p{g:2}m0:p{g:2}m1 $TIMES"
	round=0
	while [ $round -lt "$ROUNDS" ]; do
		"$LOAD" call $GNATTER --user 'p{g:2}m1' --client '{u}:phone' --groups 50 --members 1 --publish api/push.remove \
			--params '' >"$T/out" 2>&1 || broken "push: $(cat "$T/out")"
		measure without push sends_per_s chat $GNATTER $load
		register --user 'p{g:2}m1' --groups 50 --members 1 --params '"kind":"webhook"'
		measure gnatter push sends_per_s chat $GNATTER $load
		round=$((round + 1))
	done
	echo "push       $(stat push_webhook_delivered) pushes were delivered meanwhile, $(stat push_webhook_retried) tried again"
}

# Pushes a second through one HTTP/2 connection.
push_rate() {
	start_nginx
	import_away r 1
	register_away r
	round=0
	while [ $round -lt "$CROWD_ROUNDS" ]; do
		from=$(stat push_apns_delivered) started=$(date +%s%N)
		write_news r 1
		stat_reaches push_apns_delivered $((from + AWAY * 9 / 10)) 60 || broken "push: not all were delivered"
		got=$(($(stat push_apns_delivered) - from)) took=$(($(date +%s%N) - started))
		stat_reaches push_apns_delivered $((from + AWAY)) 60 || broken "push: not all were delivered"
		echo "push-rate gnatter $(awk "BEGIN {print $got / ($took / 1e9)}")" >>"$T/results"
		echo "push-rate  gnatter $got pushes in $(awk "BEGIN {print $took / 1e9}") s"
		sleep 3 # and rest, so that the next is no repeat within push_coalesce
		settle
		round=$((round + 1))
	done
}

# Memory of the daemon while many wait for a provider that is down.
push_memory() {
	import_away d "$QUEUED"
	register_away d
	stop_providers
	settle
	sleep 3
	empty=$(resident "$(pid_of gnatterd)")
	write_news d "$QUEUED"
	stat_reaches push_waiting $((AWAY * QUEUED)) 300 || broken "push: only $(stat push_waiting) wait"
	settle "$(pid_of gnatterd)"
	sleep 3
	full=$(resident "$(pid_of gnatterd)")
	echo "push-waiting gnatter $(((full - empty) / 1024))" >>"$T/results"
	echo "push-waiting gnatter $(stat push_waiting) wait, daemon $full KiB, $empty KiB before"
}

work_push() {
	stop_gnatter
	start_gnatter push
	stop_gnatter
	"$PROVIDER" 50 >"$T/provider.out" &
	PROVIDER_PID=$!
	await $PROVIDER_PID test -s "$T/provider.out" || die "the provider does not start"
	start_nginx
	head -c 32 /dev/urandom | base64 | push_key webhook.key
	openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 | push_key apns.p8
	push_option push_webhook_key keys/webhook.key
	push_option push_webhook_url "http://127.0.0.1:$(cat "$T/provider.out")/"
	push_option push_apns_key keys/apns.p8
	push_option push_apns_key_id ABCDE12345
	push_option push_apns_team TEAM123456
	push_option push_apns_topic org.example.chat
	push_option push_apns_url "https://localhost:$APNS_PORT"
	push_option push_ca_file "$T/nginx/cert.pem"
	push_option push_allow_http true
	stop_pid "$NGINX_PID"
	start_gnatter push
	push_throughput
	push_rate
	push_memory
	stop_gnatter
	stop_providers
	start_gnatter main
}

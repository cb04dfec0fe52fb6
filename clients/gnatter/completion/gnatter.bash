# gnatter.bash — completion of gnatter(1) for bash.

_gnatter() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= options= word
	local commands="login logout send flush tail history who chats help"

	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case " $commands " in *" $word "*) command=$word && break ;; esac
	done
	case $command in
	login) options="--user --device --ca-file --token-stdin --password-stdin --timeout" ;;
	logout) options="--discard" ;;
	send) options="--reply --no-wait --json --timeout" ;;
	flush) options="--timeout" ;;
	tail) options="--lines --json --timeout" ;;
	history) options="--since --before --limit --json --timeout" ;;
	who) options="--json --timeout" ;;
	chats) options="--json --timeout" ;;
	esac
	case $prev in
	--ca-file)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--user | --device | --account | --timeout | --reply | --lines | --since | --before | --limit) return ;;
	esac
	case $command,$cur in
	,-*) options="--account --help --version" ;;
	,* | help,*) options=$commands ;;
	*,-*) options="$options --account --help" ;;
	*) return ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
}

complete -F _gnatter gnatter

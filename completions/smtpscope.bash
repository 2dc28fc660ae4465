# Completion of smtpscope for bash: source this file, or put it into bash-completion's folder as "smtpscope".

_smtpscope_from() { # the words behind the first that begin as the first does
    local word begin=$1
    shift
    for word; do [[ $word == "$begin"* ]] && COMPREPLY+=("$word"); done
}

_smtpscope_files() {
    local IFS=$'\n'
    compopt -o filenames 2>/dev/null
    COMPREPLY+=($(compgen -f -- "$1"))
}

_smtpscope() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} word verb=
    COMPREPLY=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in open | export | diff | demo) verb=$word && break ;; esac
    done
    case $before in
    -s | --server) COMPREPLY=($(compgen -A hostname -- "$current")) && return ;;
    -p | --port) _smtpscope_from "$current" smtp submission submissions smtps lmtp && return ;;
    -a | --auth) _smtpscope_from "$current" SCRAM-SHA-512-PLUS SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1 DIGEST-MD5 CRAM-MD5 PLAIN LOGIN OAUTHBEARER XOAUTH2 EXTERNAL ANONYMOUS ;;
    --auto) _smtpscope_from "$current" none banner ehlo tls auth && return ;;
    --as) _smtpscope_from "$current" transcript jsonl markdown html svg swaks curl openssl python && return ;;
    --save | --tls-ca-path | --tls-cert | --tls-key | --tls-chain | --keylog | --tls-get-peer-*)
        _smtpscope_files "$current" && return ;;
    --password) _smtpscope_from "$current" - @ cmd: netrc keyring && return ;;
    --password-env) COMPREPLY=($(compgen -A export -- "$current")) && return ;;
    -f | --from | -t | --to | -h | --helo | --ehlo | -li | -au | --auth-user | -ap | --auth-password | -d | --data | --timeout) return ;;
    -tlsp | --tls-protocol) _smtpscope_from "$current" tlsv1_2 tlsv1_3 tlsv1 tlsv1_1 && return ;;
    --tls-cipher | --tls-sni | --tls-verify-target) return ;;
    esac
    case $verb:$current in
    open:-*) _smtpscope_from "$current" --ascii ;;
    export:-*) _smtpscope_from "$current" --as ;;
    open:* | export:* | diff:*) _smtpscope_files "$current" ;;
    *:-*)
        _smtpscope_from "$current" -s --server -p --port -4 -6 -li -h --helo --ehlo -f --from -t --to -d --data \
            -tls -tlsc -tlso -tlsos --tls-on-connect --tls-optional --tls-optional-strict -tlsp --tls-protocol \
            --tls-cipher --tls-sni --tls-verify --tls-verify-ca --tls-verify-host --tls-verify-target --tls-cert \
            --tls-key --tls-chain --tls-get-peer-cert --tls-get-peer-chain --keylog --help-tls \
            --tls-ca-path --tls-insecure -a --auth -au --auth-user -ap --auth-password --password --password-env --timeout --auto --save --with-secrets \
            --no-keep --ascii --no-transcript --serve-only --version --help
        ;;
    :*)
        _smtpscope_from "$current" demo open export diff
        COMPREPLY+=($(compgen -A hostname -- "$current"))
        ;;
    esac
    return 0
}

complete -F _smtpscope smtpscope

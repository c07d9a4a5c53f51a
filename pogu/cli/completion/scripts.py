"""What shells are told: each script asks `pogu __complete` and hands on what it answers.

An answer is a line for each word, with a tab and its help, and a last line: `:0` where file names fit too, else `:4`.
"""

from __future__ import annotations

BASH = r"""# bash completion for pogu: source this file, or put it at /usr/share/bash-completion/completions/pogu

_pogu() {
    local line=${COMP_LINE:0:COMP_POINT} out word prefix
    local -a words
    read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    out=$("${words[0]}" __complete "${words[@]:1}" 2> /dev/null) || return
    word=${words[${#words[@]}-1]}
    prefix=${word%"${word##*[:=]}"} # bash completes what stands after these
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        [[ $word == :[04] || -z $word ]] || COMPREPLY+=("${word#"$prefix"}")
    done <<< "$out"
    if [[ ${out##*:} == 0 ]]; then
        compopt -o default 2> /dev/null
    elif [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[:=] ]]; then
        compopt -o nospace 2> /dev/null
    fi
}

complete -F _pogu pogu
"""

ZSH = r"""#compdef pogu
# zsh completion for pogu: put this file as _pogu into a folder of $fpath, or `source <(pogu completion zsh)`

_pogu() {
    local out line word
    local -a found
    out=$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2> /dev/null) || return 1
    for line in "${(@f)out}"; do
        [[ -z $line || $line == :[04] ]] && continue
        word=${line%%$'\t'*}
        found+=("${word//:/\\:}:${line#*$'\t'}")
    done
    (( $#found )) && _describe 'pogu' found
    [[ ${out##*:} == 0 ]] && _files
    return 0
}

if [[ ${funcstack[1]} == _pogu ]]; then
    _pogu "$@"
else
    compdef _pogu pogu
fi
"""

FISH = r"""# fish completion for pogu: `pogu completion fish | source`, or ~/.config/fish/completions/pogu.fish

function __pogu_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l program $words[1]
    set -l out ($program __complete $words[2..-1] 2> /dev/null)
    or return
    for line in $out
        string match -qr '^:[04]$' -- $line; or echo $line
    end
    if test "$out[-1]" = ":0"
        __fish_complete_path (commandline -ct)
    end
end

complete -c pogu -f -a '(__pogu_complete)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}

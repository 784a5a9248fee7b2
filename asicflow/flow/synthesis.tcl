# SiliconCompiler's synthesis script, without abc's restructuring before the cells are mapped, and with adders of
# the fewest levels.
#
# The stock script calls abc once on generic gates, with Yosys' default recipe. That recipe saves area by
# turning prefix adders back into ripple chains, which no later step undoes. Here that call maps only.

source ./sc_manifest.tcl
yosys scratchpad -set abc.script {+strash;map}

# The stock script's technology map of arithmetic gets one more file, before Yosys' own adder is taken.
set asicflow_adder [file join [file dirname [file normalize [info script]]] prefix_adder.v]
rename yosys asicflow_yosys
proc yosys {args} {
    global asicflow_adder
    if {[lindex $args 0] eq "techmap" && "+/techmap.v" in $args} {
        lappend args -map $asicflow_adder
    }
    return [uplevel 1 [list asicflow_yosys {*}$args]]
}
source [file join [sc_cfg_tool_task_get refdir] sc_synth_asic.tcl]

# SiliconCompiler's synthesis script, without abc's restructuring before the cells are mapped.
#
# The stock script calls abc once on generic gates, with Yosys' default recipe. That recipe saves area by
# turning prefix adders back into ripple chains, which no later step undoes. Here that call maps only.

source ./sc_manifest.tcl
yosys scratchpad -set abc.script {+strash;map}
source [file join [sc_cfg_tool_task_get refdir] sc_synth_asic.tcl]

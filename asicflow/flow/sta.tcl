# Timing of one design in one corner, with OpenSTA 2.0 or later.
#
# asicflow writes a prologue that sets liberties, netlist, top, spef, sdc, paths and out,
# then sources this file. Every number goes to a file of its own under $out as plain text;
# asicflow judges them. Only commands of OpenSTA 2.0 are used: it has no report of violating
# slews and capacitances, so all of them are written out. Units: slack ns, slew s, load F.

proc save {name text} {
  global out
  set handle [open [file join $out $name] w]
  puts $handle $text
  close $handle
}

# Text that a report prints. It swallows errors, so nothing but reports may run inside.
proc captured {command} {
  with_output_to_variable text $command
  return $text
}

# Load of a driver's net in farads; the argument list lost its transition after OpenSTA 2.0.
proc net_load {net} {
  set corner [sta::cmd_corner]
  if {[catch {sta::Net_capacitance $net rise $corner max} load]} {
    set load [sta::Net_capacitance $net $corner max]
  }
  return $load
}

proc path_lines {delay limit} {
  set lines {}
  foreach end [find_timing_paths -path_delay $delay -group_count $limit -endpoint_count 1] {
    lappend lines "[get_property $end slack]\t[get_full_name [get_property $end startpoint]]\t[get_full_name [get_property $end endpoint]]"
  }
  return [join $lines "\n"]
}

# The worst paths of all path groups together; report_checks alone sorts each group by itself.
proc worst_paths {delay limit} {
  set found {}
  foreach end [find_timing_paths -path_delay $delay -group_count $limit -endpoint_count 1] {
    lappend found [list [get_property $end slack] [get_property $end endpoint]]
  }
  set text ""
  foreach entry [lrange [lsort -real -index 0 $found] 0 [expr {$limit - 1}]] {
    append text [captured [list report_checks -path_delay $delay -to [lindex $entry 1] \
      -format full_clock_expanded -fields {slew cap input_pin} -digits 3]]
  }
  return $text
}

foreach liberty $liberties {
  read_liberty $liberty
}
read_verilog $netlist
link_design $top
read_sdc $sdc
set_propagated_clock [all_clocks]
read_spef $spef

set lines {}
foreach kind {max min} {
  lappend lines "worst_$kind\t[worst_slack -$kind]"
  lappend lines "total_$kind\t[total_negative_slack -$kind]"
}
foreach clock [all_clocks] {
  lappend lines "clock\t[get_name $clock]\t[get_property $clock period]"
}
save summary.txt [join $lines "\n"]

save setup.txt [path_lines max $paths]
save hold.txt [path_lines min $paths]
save setup.rpt [worst_paths max 10]
save hold.rpt [worst_paths min 10]
save skew.rpt [captured {report_clock_skew -setup -digits 4}]
save check.rpt [captured {check_setup -verbose}]
save power.rpt [captured {report_power}]

set slews {}
set loads {}
set constant {}
foreach pin [get_pins *] {
  set net [sta::Pin_net $pin]
  if {$net eq "NULL"} { continue }
  set name [get_full_name $pin]
  if {[sta::pin_sim_logic_value $pin] in {0 1}} { lappend constant $name }
  set worst 0.0
  foreach vertex [$pin vertices] {
    foreach edge {rise fall} {
      set slew [sta::Vertex_slew $vertex $edge max]
      if {$slew > $worst} { set worst $slew }
    }
  }
  lappend slews "$name\t$worst"
  if {[sta::Pin_is_driver $pin]} {
    lappend loads "$name\t[get_full_name $net]\t[net_load $net]"
  }
}
# Ports at a constant; and ports of both directions that nothing inside is on.
foreach port [get_ports *] {
  set name [get_full_name $port]
  set level [sta::pin_sim_logic_value [[sta::top_instance] find_pin $name]]
  set open [expr {[get_property $port direction] eq "bidirect" && [get_pins -of_objects [get_nets $name]] eq ""}]
  if {$level in {0 1} || $open} { lappend constant $name }
}
save slews.txt [join $slews "\n"]
save loads.txt [join $loads "\n"]
save constant.txt [join $constant "\n"]

set cells {}
foreach cell [get_cells *] {
  lappend cells "[get_full_name $cell]\t[get_property $cell ref_name]"
}
save cells.txt [join $cells "\n"]
save done.txt done

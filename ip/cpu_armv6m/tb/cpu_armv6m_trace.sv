// SPDX-License-Identifier: Apache-2.0
//
// The core with its architectural state on ports, for simulation only.

module cpu_armv6m_trace #(
  parameter bit FastMul = 1'b0,  // MULS takes 1 cycle instead of 32
  parameter int NumIrq  = 32,    // Interrupt lines
  parameter bit Vtor    = 1'b0   // The vector table can be moved
) (
  input  logic         clk_i,         // Clock
  input  logic         rst_ni,        // Reset, active low
  output logic [31:0]  haddr_o,       // AHB-Lite master, see cpu_armv6m
  output logic [1:0]   htrans_o,      // AHB-Lite master
  output logic [2:0]   hsize_o,       // AHB-Lite master
  output logic [2:0]   hburst_o,      // AHB-Lite master
  output logic [3:0]   hprot_o,       // AHB-Lite master
  output logic         hmastlock_o,   // AHB-Lite master
  output logic         hwrite_o,      // AHB-Lite master
  output logic [31:0]  hwdata_o,      // AHB-Lite master
  input  logic [31:0]  hrdata_i,      // AHB-Lite master
  input  logic         hready_i,      // AHB-Lite master
  input  logic         hresp_i,       // AHB-Lite master
  input  logic [31:0]  irq_i,         // Interrupt lines
  input  logic         nmi_i,         // Non-maskable interrupt
  input  logic         rxev_i,        // Event from outside
  output logic         txev_o,        // SEV
  input  logic         st_tick_i,     // SysTick reference
  input  logic [25:0]  st_calib_i,    // SysTick calibration
  output logic         sleeping_o,    // WFI or WFE waits
  output logic         sleepdeep_o,   // SCR.SLEEPDEEP
  output logic         lockup_o,      // Locked up
  output logic         sysresetreq_o, // Software asks for a reset

  output logic         retire_o,      // An instruction ends at this clock edge
  output logic         enter_o,       // An exception is entered at this clock edge
  output logic [5:0]   enter_num_o,   // Its number
  output logic         leave_o,       // A handler ends at this clock edge
  output logic         tail_o,        // A return goes on with another handler at this clock edge
  output logic         unstack_o,     // A return ends at this clock edge
  output logic         start_o,       // Exception entry starts at this clock edge
  output logic [31:0]  pc_o,          // Address of the current instruction
  output logic [511:0] regs_o,        // R0 to R12, MSP, LR, PSP
  output logic [31:0]  xpsr_o,        // xPSR
  output logic [1:0]   mask_o         // CONTROL.SPSEL, PRIMASK
);

  cpu_armv6m #(
    .FastMul ( FastMul ),
    .NumIrq  ( NumIrq  ),
    .Vtor    ( Vtor    )
  ) i_cpu (
    .clk_i, .rst_ni, .haddr_o, .htrans_o, .hsize_o, .hburst_o, .hprot_o, .hmastlock_o, .hwrite_o, .hwdata_o,
    .hrdata_i, .hready_i, .hresp_i, .irq_i, .nmi_i, .rxev_i, .txev_o, .st_tick_i, .st_calib_i, .sleeping_o,
    .sleepdeep_o, .lockup_o, .sysresetreq_o
  );

  // BL and BLX end one cycle after the program counter has left them.
  logic [31:1] last_pc;
  logic        linking;

  assign linking = i_cpu.state == armv6m_pkg::StLink;
  always_ff @(posedge clk_i) begin
    if (hready_i) begin
      last_pc <= i_cpu.pc;
    end
  end

  assign retire_o    = hready_i & (i_cpu.step | linking |
                                   ((i_cpu.state == armv6m_pkg::StExecute) & i_cpu.go & ~i_cpu.d_write));
  assign enter_o     = hready_i & i_cpu.enter;
  assign enter_num_o = i_cpu.vector;
  assign leave_o     = hready_i & i_cpu.leave;
  assign tail_o      = hready_i & (i_cpu.state == armv6m_pkg::StUnstack) & (i_cpu.count == 5'd0) & i_cpu.preempt;
  assign unstack_o   = hready_i & i_cpu.unstack;
  assign start_o     = hready_i & (i_cpu.state == armv6m_pkg::StStack) & (i_cpu.count == 5'd0);
  assign pc_o        = {linking ? last_pc : i_cpu.pc, 1'b0};
  assign regs_o      = i_cpu.i_datapath.i_regfile.regs;
  assign xpsr_o      = {i_cpu.nzcv, 3'd0, i_cpu.thumb, 18'd0, i_cpu.ipsr};
  assign mask_o      = {i_cpu.psp, i_cpu.i_status.primask_q};

endmodule

// SPDX-License-Identifier: Apache-2.0
//
// Program status, PRIMASK, CONTROL, and the active exceptions.
//
// Only one exception can be active at each priority, so the active ones are kept as one bit for each
// priority: four configurable ones, HardFault, NMI. A return ends the highest of them.

module armv6m_status (
  input  logic        clk_i,         // Clock
  input  logic        rst_ni,        // Reset, active low, asynchronous assertion
  input  logic        ready_i,       // HREADY: nothing moves without it

  // Changes
  input  logic        set_nz_i,      // Set N and Z
  input  logic        set_c_i,       // Set C
  input  logic        set_v_i,       // Set V
  input  logic [3:0]  nzcv_i,        // To these
  input  logic        set_t_i,       // Set T
  input  logic        t_i,           // To this
  input  logic        cps_i,         // Set PRIMASK
  input  logic        primask_i,     // To this
  input  logic        msr_i,         // MSR to special register sysm_i
  input  logic [7:0]  sysm_i,        // Special register of MSR and MRS
  input  logic [31:0] value_i,       // MSR value, or stacked xPSR
  input  logic        unstack_i,     // Take over a stacked xPSR
  input  logic        to_thread_i,   // It belongs to Thread mode
  input  logic        set_sp_i,      // Set CONTROL.SPSEL
  input  logic        sp_i,          // To this
  input  logic        enter_i,       // Enter exception enter_num_i
  input  logic [5:0]  enter_num_i,   // Its number
  input  logic [1:0]  enter_prio_i,  // Its priority, if configurable
  input  logic        leave_i,       // A handler ends
  input  logic        lock_i,        // Lockup

  // State
  output logic [3:0]  nzcv_o,        // Flags
  output logic        t_o,           // T flag
  output logic [5:0]  ipsr_o,        // Exception number
  output logic        psp_o,         // The stack pointer is PSP
  output logic [31:0] special_o,     // MRS value of sysm_i, other than the stack pointers

  // Priorities
  input  logic        nmi_i,         // NMI is pending
  input  logic        hard_i,        // HardFault is pending
  input  logic        valid_i,       // An exception of configurable priority is pending
  input  logic [1:0]  prio_i,        // Its priority
  input  logic [1:0]  svc_prio_i,    // Priority of SVCall
  output logic        preempt_o,     // A pending exception goes before what runs now
  output logic        wake_o,        // It would without PRIMASK
  output logic        svc_ok_o,      // SVCall would
  output logic        fatal_o        // HardFault or NMI is active: a fault is a lockup
);

  logic [3:0] flags_q;
  logic       t_q, primask_q, spsel_q;
  logic [5:0] ipsr_q;
  logic [3:0] active_q;       // By priority
  logic       nmi_q, hard_q;  // Active
  logic [2:0] limit;          // Only a lower number goes before what runs now
  logic       thread;
  logic       xpsr;
  logic       unused_value;

  assign thread       = ipsr_q == 6'd0;
  assign xpsr         = sysm_i[7:3] == 5'd0;
  assign unused_value = ^{value_i[27:25], value_i[23:6]};

  assign nzcv_o = flags_q;
  assign t_o    = t_q;
  assign ipsr_o = ipsr_q;
  assign psp_o  = spsel_q;

  //////////////////////
  // Status registers //
  //////////////////////

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      flags_q   <= 4'd0;
      t_q       <= 1'b0;
      ipsr_q    <= 6'd0;
      primask_q <= 1'b0;
      spsel_q   <= 1'b0;
    end else if (ready_i) begin
      if (set_nz_i) begin
        flags_q[3:2] <= nzcv_i[3:2];
      end
      if (set_c_i) begin
        flags_q[1] <= nzcv_i[1];
      end
      if (set_v_i) begin
        flags_q[0] <= nzcv_i[0];
      end
      if (unstack_i | (msr_i & xpsr & ~sysm_i[2])) begin
        flags_q <= value_i[31:28];
      end
      if (set_t_i) begin
        t_q <= t_i;
      end
      if (unstack_i) begin
        t_q    <= value_i[24];
        ipsr_q <= to_thread_i ? 6'd0 : value_i[5:0];
      end else if (enter_i) begin
        ipsr_q <= enter_num_i;
      end
      if (cps_i) begin
        primask_q <= primask_i;
      end else if (msr_i & (sysm_i == 8'd16)) begin
        primask_q <= value_i[0];
      end
      if (set_sp_i) begin
        spsel_q <= sp_i;
      end else if (msr_i & (sysm_i == 8'd20) & thread) begin
        spsel_q <= value_i[1];
      end
    end
  end

  always_comb begin
    special_o = 32'd0;
    if (xpsr) begin
      special_o[31:28] = sysm_i[2] ? 4'd0 : flags_q;
      special_o[5:0]   = sysm_i[0] ? ipsr_q : 6'd0;
    end else begin
      special_o[0] = (sysm_i == 8'd16) & primask_q;
      special_o[1] = (sysm_i == 8'd20) & spsel_q;
    end
  end

  ////////////////
  // Priorities //
  ////////////////

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      active_q <= 4'd0;
      nmi_q    <= 1'b0;
      hard_q   <= 1'b0;
    end else if (ready_i) begin
      if (enter_i) begin
        if (enter_num_i == 6'd2) begin
          nmi_q <= 1'b1;
        end else if (enter_num_i == 6'd3) begin
          hard_q <= 1'b1;
        end else begin
          active_q[enter_prio_i] <= 1'b1;
        end
      end else if (leave_i) begin
        nmi_q    <= 1'b0;
        hard_q   <= nmi_q & hard_q;
        active_q <= active_q & ((nmi_q | hard_q) ? 4'b1111 : (active_q - 4'd1));  // Clears the lowest bit
      end else if (lock_i) begin
        hard_q <= hard_q | ~nmi_q;
      end
    end
  end

  always_comb begin
    limit = 3'd4;
    for (int p = 3; p >= 0; p--) begin
      if (active_q[p]) begin
        limit = $unsigned(3'(p));
      end
    end
  end

  logic normal;

  assign normal    = ~nmi_q & ~hard_q;
  assign fatal_o   = nmi_q | hard_q;
  assign wake_o    = (nmi_i & ~nmi_q) | (normal & (hard_i | (valid_i & ({1'b0, prio_i} < limit))));
  assign preempt_o = (nmi_i & ~nmi_q) |
                     (normal & (hard_i | (valid_i & ({1'b0, prio_i} < limit) & ~primask_q)));
  assign svc_ok_o  = normal & ({1'b0, svc_prio_i} < limit) & ~primask_q;

endmodule

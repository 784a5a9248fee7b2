// SPDX-License-Identifier: Apache-2.0
//
// Pending exceptions of configurable priority, and the choice among them.
//
// The lines are levels or pulses, synchronous to the clock. A line makes its interrupt pending while it
// is high, but not again between entry and return of its handler unless it has been low in between.
// The choice is registered: it is one cycle (with HREADY) behind the pending state.

module armv6m_nvic #(
  parameter int          NumIrq  = 32, // Interrupt lines, 1 to 32
  parameter logic [31:0] IrqUsed = '1  // Those that exist; the registers of the others read 0
) (
  input  logic        clk_i,        // Clock
  input  logic        rst_ni,       // Reset, active low, asynchronous assertion
  input  logic        ready_i,      // HREADY
  input  logic        hold_i,       // The choice must not change now
  input  logic [31:0] irq_i,        // Interrupt lines
  input  logic        nmi_i,        // Non-maskable interrupt line

  // Registers
  input  logic        iser_i,       // Write wdata_i to ISER
  input  logic        icer_i,       // Write wdata_i to ICER
  input  logic        ispr_i,       // Write wdata_i to ISPR
  input  logic        icpr_i,       // Write wdata_i to ICPR
  input  logic [7:0]  ipr_i,        // Write wdata_i to IPR0 to IPR7
  input  logic        icsr_i,       // Write wdata_i to ICSR
  input  logic        shpr2_i,      // Write wdata_i to SHPR2
  input  logic        shpr3_i,      // Write wdata_i to SHPR3
  input  logic [31:0] wdata_i,      // Data to write
  output logic [31:0] enable_o,     // ISER and ICER
  output logic [31:0] pending_o,    // ISPR and ICPR
  output logic [63:0] priority_o,   // Two bits for each line
  output logic [5:0]  sys_prio_o,   // SVCall, PendSV, SysTick, two bits each
  output logic [1:0]  sys_pend_o,   // PendSV, SysTick

  // Events
  input  logic        systick_i,    // SysTick becomes pending
  input  logic        svc_i,        // SVCall becomes pending
  input  logic        enter_i,      // Exception num_i is entered (if ready_i)
  input  logic        leave_i,      // The handler of exception num_i ends (if ready_i)
  input  logic [5:0]  num_i,        // Exception number
  output logic        new_o,        // Something became pending (SEVONPEND)

  // Choice
  output logic        nmi_o,        // NMI is pending
  output logic        valid_o,      // An enabled exception of configurable priority is pending
  output logic [1:0]  prio_o,       // The highest priority among them, if valid_o
  output logic [5:0]  num_o         // The lowest number of that priority, if valid_o
);

  logic [NumIrq-1:0]      enable_q, pend_q, pend_d, hold_q;
  logic [NumIrq-1:0][1:0] prio_q;
  logic [1:0]             svc_prio_q, pendsv_prio_q, systick_prio_q;
  logic                   svc_q, pendsv_q, pendsv_d, systick_q, systick_d;
  logic                   nmi_q, nmi_d, nmi_hold_q;
  logic [47:0]            here;          // Exception num_i, as one bit
  logic                   enter, leave;
  logic                   unused_bits;

  for (genvar i = 0; i < 48; i++) begin : gen_here
    assign here[i] = num_i == $unsigned(6'(i));
  end

  assign enter = enter_i & ready_i;
  assign leave = leave_i & ready_i;
  assign unused_bits = ^{here, irq_i, wdata_i};

  ////////////////
  // Interrupts //
  ////////////////

  for (genvar i = 0; i < NumIrq; i++) begin : gen_irq
    assign pend_d[i] = IrqUsed[i] & ((((irq_i[i] & ~hold_q[i]) | (pend_q[i] & ~(icpr_i & wdata_i[i]))) &
                                      ~(enter & here[16 + i])) | (ispr_i & wdata_i[i]));

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        pend_q[i] <= 1'b0;
        hold_q[i] <= 1'b0;
        prio_q[i] <= 2'b00;
      end else begin
        pend_q[i] <= pend_d[i];
        hold_q[i] <= IrqUsed[i] & irq_i[i] & ((enter & here[16 + i]) | hold_q[i]) & ~(leave & here[16 + i]);
        if (ipr_i[i / 4]) begin
          prio_q[i] <= wdata_i[8 * (i % 4) + 6 +: 2] & {2{IrqUsed[i]}};
        end
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      enable_q <= '0;
    end else if (iser_i | icer_i) begin
      enable_q <= (enable_q & ~wdata_i[NumIrq-1:0]) | (wdata_i[NumIrq-1:0] & IrqUsed[NumIrq-1:0] & {NumIrq{iser_i}});
    end
  end

  always_comb begin
    enable_o   = '0;
    pending_o  = '0;
    priority_o = '0;
    enable_o[NumIrq-1:0]     = enable_q;
    pending_o[NumIrq-1:0]    = pend_q;
    priority_o[2*NumIrq-1:0] = {prio_q};
  end

  assign sys_prio_o = {systick_prio_q, pendsv_prio_q, svc_prio_q};
  assign sys_pend_o = {systick_q, pendsv_q};

  ///////////////////////
  // System exceptions //
  ///////////////////////

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      svc_prio_q     <= 2'b00;
      pendsv_prio_q  <= 2'b00;
      systick_prio_q <= 2'b00;
      svc_q          <= 1'b0;
      pendsv_q       <= 1'b0;
      systick_q      <= 1'b0;
      nmi_q          <= 1'b0;
      nmi_hold_q     <= 1'b0;
    end else begin
      if (shpr2_i) begin
        svc_prio_q <= wdata_i[31:30];
      end
      if (shpr3_i) begin
        pendsv_prio_q  <= wdata_i[23:22];
        systick_prio_q <= wdata_i[31:30];
      end
      svc_q      <= (svc_i & ready_i) | (svc_q & ~(enter & here[11]));
      pendsv_q   <= pendsv_d;
      systick_q  <= systick_d;
      nmi_q      <= nmi_d;
      nmi_hold_q <= nmi_i & ((enter & here[2]) | nmi_hold_q) & ~(leave & here[2]);
    end
  end

  assign pendsv_d  = (icsr_i & wdata_i[28]) | (pendsv_q & ~(enter & here[14]) & ~(icsr_i & wdata_i[27]));
  assign systick_d = systick_i | (icsr_i & wdata_i[26]) |
                     (systick_q & ~(enter & here[15]) & ~(icsr_i & wdata_i[25]));
  assign nmi_d     = (((nmi_i & ~nmi_hold_q) | nmi_q) & ~(enter & here[2])) | (icsr_i & wdata_i[31]);

  // For SEVONPEND: an event, too, if the exception is not enabled.
  assign new_o = |({pend_d, pendsv_d, systick_d, nmi_d} & ~{pend_q, pendsv_q, systick_q, nmi_q});

  ////////////
  // Choice //
  ////////////

  // Indexed by exception number. First those with the least upper priority bit stay, then the lower bit.
  logic [47:0] req, upper, lower, upper_best, best;
  logic [NumIrq-1:0] irq_upper, irq_lower;  // Priority bits of the interrupt lines
  logic        best_prio_hi, best_prio_lo;  // Upper and lower priority bit of the best request
  logic [5:0]  best_num;

  always_comb begin
    req   = '0;
    upper = '0;
    lower = '0;
    {req[15:14], req[11]}     = {systick_q, pendsv_q, svc_q};
    {upper[15:14], upper[11]} = {systick_prio_q[1], pendsv_prio_q[1], svc_prio_q[1]};
    {lower[15:14], lower[11]} = {systick_prio_q[0], pendsv_prio_q[0], svc_prio_q[0]};
    req[16 +: NumIrq]   = pend_q & enable_q;
    upper[16 +: NumIrq] = irq_upper;
    lower[16 +: NumIrq] = irq_lower;
  end

  for (genvar i = 0; i < NumIrq; i++) begin : gen_priorities
    assign irq_upper[i] = prio_q[i][1];
    assign irq_lower[i] = prio_q[i][0];
  end

  assign best_prio_hi = ~|(req & ~upper);
  assign upper_best   = req & ~(upper & {48{~best_prio_hi}});
  assign best_prio_lo = ~|(upper_best & ~lower);
  assign best         = upper_best & ~(lower & {48{~best_prio_lo}});

  always_comb begin
    best_num = 6'd0;
    for (int n = 47; n >= 0; n--) begin
      if (best[n]) begin
        best_num = $unsigned(6'(n));
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      nmi_o   <= 1'b0;
      valid_o <= 1'b0;
    end else if (ready_i & ~hold_i) begin
      nmi_o   <= nmi_q;
      valid_o <= |best;
    end
  end

  always_ff @(posedge clk_i) begin
    if (ready_i & ~hold_i) begin
      prio_o <= {best_prio_hi, best_prio_lo};
      num_o  <= best_num;
    end
  end

endmodule

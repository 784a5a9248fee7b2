// SPDX-License-Identifier: Apache-2.0
//
// Private peripheral bus: decoder of the system control space, its registers outside NVIC and SysTick.
//
// Words at 0xE000_E000 to 0xE000_EFFF; reserved places read 0 and ignore writes. Every other place of the
// private peripheral bus, and every access narrower than a word, is an error.

module armv6m_scs #(
  parameter int          NumIrq = 32,           // Interrupt lines, 1 to 32
  parameter logic [31:0] IrqUsed = '1,          // Those that exist
  parameter bit          Vtor   = 1'b1,         // VTOR is present
  parameter logic [31:0] CpuId  = 32'h000C_A000 // CPUID
) (
  input  logic        clk_i,          // Clock
  input  logic        rst_ni,         // Reset, active low, asynchronous assertion
  input  logic        ready_i,        // HREADY

  // Bus
  input  logic [19:0] addr_i,         // Address in the private peripheral bus, in the data phase
  input  logic [1:0]  size_i,         // Size of the access
  input  logic        access_i,       // An access is in its data phase (done if ready_i)
  input  logic        write_i,        // It is a write
  input  logic [31:0] wdata_i,        // Data to write
  output logic [31:0] rdata_o,        // Data read, 0 without access
  output logic        error_o,        // The access is refused

  // Pins
  input  logic [31:0] irq_i,          // Interrupt lines
  input  logic        nmi_i,          // Non-maskable interrupt line
  input  logic        st_tick_i,      // Reference clock of SysTick
  input  logic [25:0] st_calib_i,     // SysTick CALIB
  output logic        sysresetreq_o,  // AIRCR.SYSRESETREQ was written

  // Control
  input  logic [5:0]  active_num_i,   // IPSR
  input  logic        hf_pend_i,      // HardFault is pending
  input  logic        svc_i,          // SVCall becomes pending
  input  logic        enter_i,        // Exception enter_num_i is entered (if ready_i)
  input  logic [5:0]  enter_num_i,    // Exception number
  input  logic        hold_i,         // The choice must not change now
  input  logic        leave_i,        // The handler of exception active_num_i ends (if ready_i)
  output logic        new_o,          // Something became pending
  output logic        nmi_o,          // NMI is pending
  output logic        valid_o,        // An exception of configurable priority is pending
  output logic [1:0]  prio_o,         // Its priority
  output logic [5:0]  num_o,          // Its number
  output logic [1:0]  svc_prio_o,     // Priority of SVCall
  output logic        sevonpend_o,    // SCR.SEVONPEND
  output logic        sleepdeep_o,    // SCR.SLEEPDEEP
  output logic        sleeponexit_o,  // SCR.SLEEPONEXIT
  output logic [31:8] vtor_o          // Vector table
);

  localparam logic [9:0] Icsr  = 10'h341;  // 0xD04, as a word address
  localparam logic [9:0] VtorA = 10'h342;
  localparam logic [9:0] Aircr = 10'h343;
  localparam logic [9:0] Scr   = 10'h344;
  localparam logic [9:0] Ccr   = 10'h345;
  localparam logic [9:0] Shpr2 = 10'h347;
  localparam logic [9:0] Shpr3 = 10'h348;

  logic [9:0]  word;
  logic        scs, write;
  logic        is_systick;
  logic [7:0]  ipr;        // An IPR is accessed
  logic [31:0] enable, pending, systick_rdata, icsr, ipr_word;
  logic [63:0] prios;
  logic [5:0]  sys_prio;
  logic [1:0]  sys_pend;
  logic        systick_pend;
  logic [2:0]  scr_q;
  logic [5:0]  pending_num;

  assign word       = addr_i[11:2];
  assign scs        = (addr_i[19:12] == 8'h0E) & (size_i == 2'd2);
  assign error_o    = ~scs | (addr_i[1:0] != 2'd0);
  assign write      = access_i & write_i & scs & ready_i;
  assign is_systick = word[9:2] == 8'h01;

  for (genvar i = 0; i < 8; i++) begin : gen_ipr
    assign ipr[i] = access_i & (word == 10'h100 + $unsigned(10'(i)));
  end

  /////////////
  // SysTick //
  /////////////

  armv6m_systick i_systick (
    .clk_i   ( clk_i                                         ),
    .rst_ni  ( rst_ni                                        ),
    .tick_i  ( st_tick_i                                     ),
    .calib_i ( st_calib_i                                    ),
    .addr_i  ( word[1:0]                                     ),
    .read_i  ( access_i & ~write_i & scs & ready_i & is_systick ),
    .write_i ( write & is_systick                            ),
    .wdata_i ( wdata_i                                       ),
    .rdata_o ( systick_rdata                                 ),
    .pend_o  ( systick_pend                                  )
  );

  //////////
  // NVIC //
  //////////

  armv6m_nvic #(
    .NumIrq  ( NumIrq  ),
    .IrqUsed ( IrqUsed )
  ) i_nvic (
    .clk_i      ( clk_i                              ),
    .rst_ni     ( rst_ni                             ),
    .ready_i    ( ready_i                            ),
    .hold_i     ( hold_i                             ),
    .irq_i      ( irq_i                              ),
    .nmi_i      ( nmi_i                              ),
    .iser_i     ( write & (word == 10'h040)          ),
    .icer_i     ( write & (word == 10'h060)          ),
    .ispr_i     ( write & (word == 10'h080)          ),
    .icpr_i     ( write & (word == 10'h0A0)          ),
    .ipr_i      ( ipr & {8{write}}                   ),
    .icsr_i     ( write & (word == Icsr)             ),
    .shpr2_i    ( write & (word == Shpr2)            ),
    .shpr3_i    ( write & (word == Shpr3)            ),
    .wdata_i    ( wdata_i                            ),
    .enable_o   ( enable                             ),
    .pending_o  ( pending                            ),
    .priority_o ( prios                              ),
    .sys_prio_o ( sys_prio                           ),
    .sys_pend_o ( sys_pend                           ),
    .systick_i  ( systick_pend                       ),
    .svc_i      ( svc_i                              ),
    .enter_i    ( enter_i                            ),
    .leave_i    ( leave_i                            ),
    .num_i      ( enter_i ? enter_num_i : active_num_i ),
    .new_o      ( new_o                              ),
    .nmi_o      ( nmi_o                              ),
    .valid_o    ( valid_o                            ),
    .prio_o     ( prio_o                             ),
    .num_o      ( num_o                              )
  );

  assign svc_prio_o = sys_prio[1:0];

  ///////////////////////////
  // System control block  //
  ///////////////////////////

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      scr_q         <= 3'b000;
      sysresetreq_o <= 1'b0;
    end else begin
      if (write & (word == Scr)) begin
        scr_q <= {wdata_i[4], wdata_i[2:1]};
      end
      if (write & (word == Aircr) & (wdata_i[31:16] == 16'h05FA)) begin
        sysresetreq_o <= sysresetreq_o | wdata_i[2];
      end
    end
  end

  assign sevonpend_o   = scr_q[2];
  assign sleepdeep_o   = scr_q[1];
  assign sleeponexit_o = scr_q[0];

  if (Vtor) begin : gen_vtor
    logic [31:8] vtor_q;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        vtor_q <= '0;
      end else if (write & (word == VtorA)) begin
        vtor_q <= wdata_i[31:8];
      end
    end
    assign vtor_o = vtor_q;
  end else begin : gen_no_vtor
    assign vtor_o = '0;
  end

  assign pending_num = nmi_o ? 6'd2 : hf_pend_i ? 6'd3 : (valid_o ? num_o : 6'd0);
  assign icsr = {nmi_o, 2'd0, sys_pend[0], 1'b0, sys_pend[1], 3'd0, |pending, 4'd0, pending_num, 6'd0,
                 active_num_i};

  always_comb begin
    ipr_word = 32'd0;
    for (int i = 0; i < 32; i++) begin
      ipr_word[8 * (i % 4) + 6 +: 2] = ipr_word[8 * (i % 4) + 6 +: 2] | (prios[2 * i +: 2] & {2{ipr[i / 4]}});
    end
  end

  // Without access all of them are 0.
  assign rdata_o = (systick_rdata & {32{access_i & is_systick}}) |
                   (enable & {32{access_i & ((word == 10'h040) | (word == 10'h060))}}) |
                   (pending & {32{access_i & ((word == 10'h080) | (word == 10'h0A0))}}) |
                   ipr_word |
                   (CpuId & {32{access_i & (word == 10'h340)}}) |
                   (icsr & {32{access_i & (word == Icsr)}}) |
                   ({vtor_o, 8'd0} & {32{access_i & (word == VtorA)}}) |
                   (32'hFA05_0000 & {32{access_i & (word == Aircr)}}) |
                   ({27'd0, scr_q[2], 1'b0, scr_q[1:0], 1'b0} & {32{access_i & (word == Scr)}}) |
                   (32'h0000_0208 & {32{access_i & (word == Ccr)}}) |  // STKALIGN, UNALIGN_TRP
                   ({sys_prio[1:0], 30'd0} & {32{access_i & (word == Shpr2)}}) |
                   ({sys_prio[5:4], 6'd0, sys_prio[3:2], 22'd0} & {32{access_i & (word == Shpr3)}});

endmodule

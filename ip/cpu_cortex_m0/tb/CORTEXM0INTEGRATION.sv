// SPDX-License-Identifier: Apache-2.0
//
// Test double of a licensed module: its documented name and ports, with the own open core inside. It stands in for
// the deliverable where the wrapper is proven; it is not that processor and contains nothing of it.

module CORTEXM0INTEGRATION (
  input  logic        FCLK,          // Free-running clock
  input  logic        SCLK,          // System clock
  input  logic        HCLK,          // Bus clock
  input  logic        DCLK,          // Debug clock
  input  logic        PORESETn,      // Power-on reset, active low
  input  logic        DBGRESETn,     // Debug reset, active low
  input  logic        HRESETn,       // System reset, active low
  input  logic        SWCLKTCK,      // Serial wire or JTAG clock
  input  logic        nTRST,         // JTAG reset, active low
  output logic [31:0] HADDR,         // Address
  output logic [2:0]  HBURST,        // Burst
  output logic        HMASTLOCK,     // Lock
  output logic [3:0]  HPROT,         // Protection
  output logic [2:0]  HSIZE,         // Size
  output logic [1:0]  HTRANS,        // Transfer type
  output logic [31:0] HWDATA,        // Write data
  output logic        HWRITE,        // Direction
  input  logic [31:0] HRDATA,        // Read data
  input  logic        HREADY,        // The data phase ends
  input  logic        HRESP,         // 1 ERROR
  output logic        HMASTER,       // 0 core, 1 debug
  output logic        CODENSEQ,      // Instruction fetch that does not follow
  output logic [2:0]  CODEHINTDE,    // Kind of the next fetches
  output logic        SPECHTRANS,    // Early HTRANS
  input  logic        SWDITMS,       // Serial wire data or JTAG TMS
  input  logic        TDI,           // JTAG data in
  output logic        SWDO,          // Serial wire data out
  output logic        SWDOEN,        // Serial wire data enable
  output logic        TDO,           // JTAG data out
  output logic        nTDOEN,        // JTAG data enable, active low
  input  logic        DBGRESTART,    // Restart request
  output logic        DBGRESTARTED,  // Restart acknowledge
  input  logic        EDBGRQ,        // Halt request
  output logic        HALTED,        // The core is halted
  input  logic        NMI,           // Non-maskable interrupt
  input  logic [31:0] IRQ,           // Interrupts
  output logic        TXEV,          // Event out
  input  logic        RXEV,          // Event in
  output logic        LOCKUP,        // Locked up
  output logic        SYSRESETREQ,   // Reset request
  input  logic [25:0] STCALIB,       // SysTick calibration
  input  logic        STCLKEN,       // SysTick reference
  input  logic [7:0]  IRQLATENCY,    // Least interrupt latency
  input  logic [27:0] ECOREVNUM,     // Revision
  output logic        GATEHCLK,      // HCLK may stop
  output logic        SLEEPING,      // Asleep
  output logic        SLEEPDEEP,     // Deeply asleep
  output logic        WAKEUP,        // Wake-up request
  output logic [33:0] WICSENSE,      // Wake-up sensitivity
  input  logic        SLEEPHOLDREQn, // Extend sleep, active low
  output logic        SLEEPHOLDACKn, // Sleep is extended, active low
  input  logic        WICENREQ,      // Wake-up controller request
  output logic        WICENACK,      // Wake-up controller acknowledge
  output logic        CDBGPWRUPREQ,  // Debug power request
  input  logic        CDBGPWRUPACK,  // Debug power acknowledge
  input  logic        SE,            // Scan enable
  input  logic        RSTBYPASS      // Reset bypass for scan
);

  logic unused_inputs;
  assign unused_inputs = ^{FCLK, SCLK, DCLK, PORESETn, DBGRESETn, SWCLKTCK, nTRST, SWDITMS, TDI, DBGRESTART, EDBGRQ,
                           IRQLATENCY, ECOREVNUM, SLEEPHOLDREQn, WICENREQ, CDBGPWRUPACK, SE, RSTBYPASS};

  cpu_armv6m i_core (
    .clk_i         ( HCLK        ),
    .rst_ni        ( HRESETn     ),
    .haddr_o       ( HADDR       ),
    .htrans_o      ( HTRANS      ),
    .hsize_o       ( HSIZE       ),
    .hburst_o      ( HBURST      ),
    .hprot_o       ( HPROT       ),
    .hmastlock_o   ( HMASTLOCK   ),
    .hwrite_o      ( HWRITE      ),
    .hwdata_o      ( HWDATA      ),
    .hrdata_i      ( HRDATA      ),
    .hready_i      ( HREADY      ),
    .hresp_i       ( HRESP       ),
    .irq_i         ( IRQ         ),
    .nmi_i         ( NMI         ),
    .rxev_i        ( RXEV        ),
    .txev_o        ( TXEV        ),
    .st_tick_i     ( STCLKEN     ),
    .st_calib_i    ( STCALIB     ),
    .sleeping_o    ( SLEEPING    ),
    .sleepdeep_o   ( SLEEPDEEP   ),
    .lockup_o      ( LOCKUP      ),
    .sysresetreq_o ( SYSRESETREQ )
  );

  assign HMASTER       = 1'd0;
  assign CODENSEQ      = 1'd0;
  assign CODEHINTDE    = 3'd0;
  assign SPECHTRANS    = 1'd0;
  assign SWDO          = 1'd0;
  assign SWDOEN        = 1'd0;
  assign TDO           = 1'd0;
  assign nTDOEN        = 1'b1;
  assign DBGRESTARTED  = 1'd0;
  assign HALTED        = 1'd0;
  assign GATEHCLK      = 1'd0;
  assign WAKEUP        = 1'd0;
  assign WICSENSE      = 34'd0;
  assign SLEEPHOLDACKn = 1'b1;
  assign WICENACK      = 1'd0;
  assign CDBGPWRUPREQ  = 1'd0;

endmodule

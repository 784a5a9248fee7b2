// SPDX-License-Identifier: Apache-2.0
//
// Wrapper of a licensed processor, CORTEXM0INTEGRATION: the ports of the own core around it. Debug and wake-up
// controller are not used. The licensed files are not part of this project; a path names them.

module cpu_cortex_m0 #(
  parameter logic [31:0] IrqUsed = '1,  // Those of them that exist
  parameter int NumIrq = 32              // Interrupt lines in use; the licensed core has as many as it was built with
) (
  input  logic        clk_i,         // Clock; all inputs and outputs are synchronous to it
  input  logic        rst_ni,        // Reset, active low: asynchronous assertion, synchronous release

  // AHB-Lite master
  output logic [31:0] haddr_o,       // Address
  output logic [1:0]  htrans_o,      // IDLE or NONSEQ
  output logic [2:0]  hsize_o,       // Size: 0 byte, 1 halfword, 2 word
  output logic [2:0]  hburst_o,      // SINGLE
  output logic [3:0]  hprot_o,       // Bit 0: 1 data, 0 instructions; privileged
  output logic        hmastlock_o,   // Never locked
  output logic        hwrite_o,      // 1 write, 0 read
  output logic [31:0] hwdata_o,      // Write data, in the data phase
  input  logic [31:0] hrdata_i,      // Read data, in the data phase
  input  logic        hready_i,      // The data phase ends
  input  logic        hresp_i,       // 1 ERROR

  // Interrupts and events
  input  logic [31:0] irq_i,         // Interrupt lines, level or pulse
  input  logic        nmi_i,         // Non-maskable interrupt, level or pulse
  input  logic        rxev_i,        // Event from outside, wakes WFE
  output logic        txev_o,        // One-cycle pulse: SEV was executed

  // SysTick
  input  logic        st_tick_i,     // Reference clock: SysTick counts in each cycle in which it is 1
  input  logic [25:0] st_calib_i,    // CALIB: bit 25 NOREF, bit 24 SKEW, bits 23:0 TENMS

  // System
  output logic        sleeping_o,    // WFI or WFE waits
  output logic        sleepdeep_o,   // SCR.SLEEPDEEP
  output logic        lockup_o,      // Locked up; ends by reset or NMI
  output logic        sysresetreq_o  // Software asks for a reset; 1 until reset
);

  logic [31:0] irq;  // Lines that are not in use stay 0
  assign irq = irq_i & IrqUsed & ((NumIrq == 32) ? 32'hFFFF_FFFF : ~(32'hFFFF_FFFF << NumIrq));

  logic unused_hmaster;
  logic unused_codenseq;
  logic [2:0] unused_codehintde;
  logic unused_spechtrans;
  logic unused_swdo;
  logic unused_swdoen;
  logic unused_tdo;
  logic unused_ntdoen;
  logic unused_dbgrestarted;
  logic unused_halted;
  logic unused_gatehclk;
  logic unused_wakeup;
  logic [33:0] unused_wicsense;
  logic unused_sleepholdackn;
  logic unused_wicenack;
  logic unused_cdbgpwrupreq;

  CORTEXM0INTEGRATION i_core (
    .FCLK          ( clk_i                ),
    .SCLK          ( clk_i                ),
    .HCLK          ( clk_i                ),
    .DCLK          ( clk_i                ),
    .PORESETn      ( rst_ni               ),
    .DBGRESETn     ( rst_ni               ),
    .HRESETn       ( rst_ni               ),
    .SWCLKTCK      ( 1'b0                 ),
    .nTRST         ( 1'b1                 ),
    .HADDR         ( haddr_o              ),
    .HBURST        ( hburst_o             ),
    .HMASTLOCK     ( hmastlock_o          ),
    .HPROT         ( hprot_o              ),
    .HSIZE         ( hsize_o              ),
    .HTRANS        ( htrans_o             ),
    .HWDATA        ( hwdata_o             ),
    .HWRITE        ( hwrite_o             ),
    .HRDATA        ( hrdata_i             ),
    .HREADY        ( hready_i             ),
    .HRESP         ( hresp_i              ),
    .HMASTER       ( unused_hmaster       ),
    .CODENSEQ      ( unused_codenseq      ),
    .CODEHINTDE    ( unused_codehintde    ),
    .SPECHTRANS    ( unused_spechtrans    ),
    .SWDITMS       ( 1'b1                 ),
    .TDI           ( 1'b0                 ),
    .SWDO          ( unused_swdo          ),
    .SWDOEN        ( unused_swdoen        ),
    .TDO           ( unused_tdo           ),
    .nTDOEN        ( unused_ntdoen        ),
    .DBGRESTART    ( 1'b0                 ),
    .DBGRESTARTED  ( unused_dbgrestarted  ),
    .EDBGRQ        ( 1'b0                 ),
    .HALTED        ( unused_halted        ),
    .NMI           ( nmi_i                ),
    .IRQ           ( irq                  ),
    .TXEV          ( txev_o               ),
    .RXEV          ( rxev_i               ),
    .LOCKUP        ( lockup_o             ),
    .SYSRESETREQ   ( sysresetreq_o        ),
    .STCALIB       ( st_calib_i           ),
    .STCLKEN       ( st_tick_i            ),
    .IRQLATENCY    ( 8'd0                 ),
    .ECOREVNUM     ( 28'd0                ),
    .GATEHCLK      ( unused_gatehclk      ),
    .SLEEPING      ( sleeping_o           ),
    .SLEEPDEEP     ( sleepdeep_o          ),
    .WAKEUP        ( unused_wakeup        ),
    .WICSENSE      ( unused_wicsense      ),
    .SLEEPHOLDREQn ( 1'b1                 ),
    .SLEEPHOLDACKn ( unused_sleepholdackn ),
    .WICENREQ      ( 1'b0                 ),
    .WICENACK      ( unused_wicenack      ),
    .CDBGPWRUPREQ  ( unused_cdbgpwrupreq  ),
    .CDBGPWRUPACK  ( 1'b0                 ),
    .SE            ( 1'b0                 ),
    .RSTBYPASS     ( 1'b0                 )
  );

endmodule

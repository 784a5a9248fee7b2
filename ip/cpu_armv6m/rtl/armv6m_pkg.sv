// SPDX-License-Identifier: Apache-2.0
//
// Codes shared by decoder, datapath and control.

package armv6m_pkg;

  // Result of an instruction: one bit for each source, what is chosen is ORed
  localparam logic [6:0] RSum     = 7'h01;
  localparam logic [6:0] RAnd     = 7'h02;
  localparam logic [6:0] RXor     = 7'h04;
  localparam logic [6:0] ROr      = RAnd | RXor;
  localparam logic [6:0] RShift   = 7'h08;
  localparam logic [6:0] RExtend  = 7'h10;
  localparam logic [6:0] RSpecial = 7'h20;  // MRS, other than stack pointers
  localparam logic [6:0] RProduct = 7'h40;  // MULS of one cycle

  // States of the control
  localparam logic [3:0] StReset     = 4'd0;   // Address of the initial stack pointer
  localparam logic [3:0] StResetPc   = 4'd1;   // Its data; address of the reset vector
  localparam logic [3:0] StVector    = 4'd2;   // Address of a vector
  localparam logic [3:0] StVectorEnd = 4'd3;   // Its data
  localparam logic [3:0] StExecute   = 4'd4;
  localparam logic [3:0] StMemory    = 4'd5;   // Data of a single load or store
  localparam logic [3:0] StMultiple  = 4'd6;   // Data of a load or store multiple
  localparam logic [3:0] StRestore   = 4'd7;   // Undo the write-back of one that failed
  localparam logic [3:0] StMultiply  = 4'd8;
  localparam logic [3:0] StStack     = 4'd9;   // Exception entry
  localparam logic [3:0] StUnstack   = 4'd10;  // Exception return
  localparam logic [3:0] StSleep     = 4'd11;  // WFI
  localparam logic [3:0] StWaitEvent = 4'd12;  // WFE
  localparam logic [3:0] StLockup    = 4'd13;
  localparam logic [3:0] StReturn    = 4'd14;  // A handler went to a new address: is it an EXC_RETURN?
  localparam logic [3:0] StLink      = 4'd15;  // The link of BL and BLX is written

endpackage

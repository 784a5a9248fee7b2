// SPDX-License-Identifier: Apache-2.0
//
// Codes shared by decoder, datapath and control.

package armv6m_pkg;

  // First operand of the adder
  localparam logic [1:0] ARegister = 2'd0;  // Register A
  localparam logic [1:0] AZero     = 2'd1;
  localparam logic [1:0] AWord     = 2'd2;  // Register A without its two low bits
  // Result of an instruction
  localparam logic [2:0] RSum     = 3'd0;
  localparam logic [2:0] RLogic   = 3'd1;
  localparam logic [2:0] RShift   = 3'd2;
  localparam logic [2:0] RExtend  = 3'd3;
  localparam logic [2:0] RProduct = 3'd4;
  localparam logic [2:0] RSpecial = 3'd5;   // MRS
  localparam logic [2:0] RLink    = 3'd6;   // Return address of BL and BLX

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

endpackage

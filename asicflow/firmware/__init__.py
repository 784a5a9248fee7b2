"""Programs for the SoC: boot ROM, applications, flash images; all with arm-none-eabi-gcc."""

/** Loads a module, in the init context only. k6 has it; @types/k6 does not declare it. */
declare function require(path: string): any;

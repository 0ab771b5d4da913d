/** k6's own, which @types/k6 does not know: load a module where it is needed, in the init context alone. */
declare function require(path: string): any;

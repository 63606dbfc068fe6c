/* What the headers use of Windows' own. */
int IsProcessorFeaturePresent(unsigned long feature);

import { describeFlow } from './mini-program-pages-flow.ts';
import { openInJsdom } from './mini-program-pages.ts';

describeFlow('jsdom', openInJsdom);

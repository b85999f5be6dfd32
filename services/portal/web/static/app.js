// What the pages do beyond plain HTML. Every act here has a way without a script; nothing is evaluated from text.
import { wireLayers } from "./js/layers.js";
import { wireKeys } from "./js/keys.js";
import { wirePalette } from "./js/palette.js";
import { wireForms } from "./js/forms.js";

wireLayers();
wireKeys();
wirePalette();
wireForms();
